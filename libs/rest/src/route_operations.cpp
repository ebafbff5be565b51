#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"
#include "route_input.h"

namespace mifeng::rest {
namespace {

Result<access::RouteInput> read_input(Call& call) {
  json::Fields body(call.body);
  auto input = route_input(body);
  MIFENG_CHECK(body.finish());
  return input;
}

Result<Reply> list_routes(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.routes().list(call.actor, call.text("text"), request));
  return reply(json_page(page, request));
}

Result<Reply> create_route(Call& call) {
  MIFENG_TRY(const auto input, read_input(call));
  MIFENG_TRY(const auto route, call.platform.routes().create(call.actor, input));
  return reply(json_of(route), 201);
}

Result<Reply> get_route(Call& call) {
  MIFENG_TRY(const auto route, call.platform.routes().get(call.actor, call.id()));
  return reply(json_of(route));
}

Result<Reply> update_route(Call& call) {
  MIFENG_TRY(const auto input, read_input(call));
  MIFENG_TRY(const auto route, call.platform.routes().update(call.actor, call.id(), input));
  return reply(json_of(route));
}

Result<Reply> move_route(Call& call) {
  json::Fields body(call.body);
  const auto deployment = body.string("deployment_id", {1, bounds::kIdMax});
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto route, call.platform.routes().move(call.actor, call.id(), deployment));
  return reply(json_of(route));
}

Result<Reply> delete_route(Call& call) {
  MIFENG_CHECK(call.platform.routes().remove(call.actor, call.id()));
  return no_content();
}

constexpr Operation kOperations[] = {
    {"listRoutes", "GET", "/routes", Permission::kReadRoutes, list_routes, BodyKind::kNone, "text page page_size"},
    {"createRoute", "POST", "/routes", Permission::kManageRoutes, create_route, BodyKind::kJson, "", Pool::kSlow},
    {"getRoute", "GET", "/routes/{id}", Permission::kReadRoutes, get_route},
    guarded(get_route, {"updateRoute", "PUT", "/routes/{id}", Permission::kManageRoutes, update_route, BodyKind::kJson,
                        "", Pool::kSlow}),
    guarded(get_route, {"moveRoute", "PUT", "/routes/{id}/deployment", Permission::kManageRoutes, move_route,
                        BodyKind::kJson, "", Pool::kSlow}),
    guarded(get_route, {"deleteRoute", "DELETE", "/routes/{id}", Permission::kManageRoutes, delete_route}),
};

}  // namespace

std::span<const Operation> route_operations() { return kOperations; }

}  // namespace mifeng::rest
