#include "json_of.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

void read_information(json::Fields& body, models::VendorInput& input) {
  input.name = body.string("name", {1, 200});
  input.address = body.optional_string("address", {0, 500}).value_or("");
  input.telephone = body.optional_string("telephone", {0, 100}).value_or("");
  input.business = body.optional_string("business", {0, 500}).value_or("");
}

Result<Reply> list_vendors(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.vendors().list(call.actor, call.text("text"), request));
  return reply(json_page(page, request));
}

Result<Reply> create_vendor(Call& call) {
  json::Fields body(call.body);
  models::VendorInput input;
  input.id = body.string("id", {1, 63});
  read_information(body, input);
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto vendor, call.platform.vendors().create(call.actor, input));
  return reply(json_of(vendor), 201);
}

Result<Reply> get_vendor(Call& call) {
  MIFENG_TRY(const auto vendor, call.platform.vendors().get(call.actor, call.id()));
  return reply(json_of(vendor));
}

Result<Reply> update_vendor(Call& call) {
  json::Fields body(call.body);
  models::VendorInput input;
  read_information(body, input);
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto vendor, call.platform.vendors().update(call.actor, call.id(), input));
  return reply(json_of(vendor));
}

Result<Reply> confirm_telephone(Call& call) {
  json::Fields body(call.body);
  const auto telephone = body.string("telephone", {0, 100});
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto vendor, call.platform.vendors().confirm_telephone(call.actor, call.id(), telephone));
  return reply(json_of(vendor));
}

Result<Reply> delete_vendor(Call& call) {
  MIFENG_CHECK(call.platform.vendors().remove(call.actor, call.id()));
  return no_content();
}

Result<Reply> propose_key(Call& call) {
  json::Fields body(call.body);
  const auto pem = body.string("public_key_pem", {1, 4096});
  const auto signature = body.optional_string("signature_base64", {0, 200}).value_or("");
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto vendor, call.platform.vendors().propose_key(call.actor, call.id(), pem, signature));
  return reply(json_of(vendor));
}

Result<Reply> confirm_key(Call& call) {
  json::Fields body(call.body);
  const auto fingerprint = body.string("fingerprint", {1, 200});
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto vendor, call.platform.vendors().confirm_key(call.actor, call.id(), fingerprint));
  return reply(json_of(vendor));
}

Result<Reply> revoke_key(Call& call) {
  MIFENG_TRY(const auto vendor, call.platform.vendors().revoke_key(call.actor, call.id()));
  return reply(json_of(vendor));
}

constexpr Operation kOperations[] = {
    {"listVendors", "GET", "/vendors", Permission::kReadVendors, list_vendors, BodyKind::kNone, "text page page_size"},
    {"createVendor", "POST", "/vendors", Permission::kManageVendors, create_vendor, BodyKind::kJson},
    {"getVendor", "GET", "/vendors/{id}", Permission::kReadVendors, get_vendor},
    guarded(get_vendor, {"updateVendor", "PUT", "/vendors/{id}", Permission::kSubmit, update_vendor, BodyKind::kJson}),
    guarded(get_vendor, {"deleteVendor", "DELETE", "/vendors/{id}", Permission::kManageVendors, delete_vendor}),
    guarded(get_vendor, {"confirmVendorTelephone", "POST", "/vendors/{id}/telephone/confirmation",
                         Permission::kConfirmVendorKeys, confirm_telephone, BodyKind::kJson}),
    guarded(get_vendor,
            {"proposeVendorKey", "PUT", "/vendors/{id}/key", Permission::kSubmit, propose_key, BodyKind::kJson}),
    guarded(get_vendor, {"revokeVendorKey", "DELETE", "/vendors/{id}/key", Permission::kConfirmVendorKeys, revoke_key}),
    guarded(get_vendor, {"confirmVendorKey", "POST", "/vendors/{id}/key/confirmation", Permission::kConfirmVendorKeys,
                         confirm_key, BodyKind::kJson}),
};

}  // namespace

std::span<const Operation> vendor_operations() { return kOperations; }

}  // namespace mifeng::rest
