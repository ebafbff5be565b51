#include "commands/commands.h"

namespace mifeng::cli {

void add_commands(Command& root) {
  add_init(root);
  add_pack(root);
  add_run(root);
  add_inspect(root);
  add_verify(root);
  add_key(root);
  add_seal(root);
  add_open(root);
  add_login(root);
  add_logout(root);
  add_whoami(root);
  add_password(root);
  add_push(root);
  add_accept(root);
  add_withdraw(root);
  add_deploy(root);
  add_batch(root);
  add_apply(root);
  add_diff(root);
  add_update(root);
  add_render(root);
  add_import(root);
  add_explain(root);
  add_history(root);
  add_rollback(root);
  add_get(root);
  add_describe(root);
  add_document(root);
  add_find(root);
  add_logs(root);
  add_scale(root);
  add_restart(root);
  add_delete(root);
  add_route(root);
  add_cluster(root);
  add_caller(root);
  add_call(root);
  add_try(root);
  add_vendor(root);
  add_person(root);
  add_token(root);
  add_gateway(root);
  add_audit(root);
  add_up(root);
  add_doctor(root);
}

}  // namespace mifeng::cli
