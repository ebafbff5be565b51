// One search over everything, and the way from any id to its object.
#include "json_of.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

Result<Reply> search(Call& call) {
  MIFENG_TRY(const auto limit, call.integer("limit", 1, 50, 8));
  MIFENG_TRY(const auto found, call.platform.search().search(call.actor, call.text("text"), limit));
  return reply(json::Object{{"items", json_list(found)}});
}

Result<Reply> find(Call& call) {
  MIFENG_TRY(const auto found, call.platform.search().find(call.actor, call.id()));
  return reply(json_of(found));
}

constexpr Operation kOperations[] = {
    {"search", "GET", "/search", Access::kSignedIn, search, BodyKind::kNone, "text limit"},
    {"findObject", "GET", "/search/{id}", Access::kSignedIn, find},
};

}  // namespace

std::span<const Operation> search_operations() { return kOperations; }

}  // namespace mifeng::rest
