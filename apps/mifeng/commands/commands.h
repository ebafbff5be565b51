// Every command of `mifeng`, one function each; commands.cpp calls them in the order of --help.
#pragma once

#include "cli/command.h"

namespace mifeng::cli {

void add_commands(Command& root);
// completion and settings: `line` outlives what they do.
void add_shell_commands(Command& root, const CommandLine& line);

void add_complete(Command& root, const CommandLine& line);

void add_init(Command& root);
void add_accept(Command& root);
void add_audit(Command& root);
void add_batch(Command& root);
void add_call(Command& root);
void add_caller(Command& root);
void add_cluster(Command& root);
void add_delete(Command& root);
void add_deploy(Command& root);
void add_describe(Command& root);
void add_diff(Command& root);
void add_explain(Command& root);
void add_apply(Command& root);
void add_get(Command& root);
void add_document(Command& root);
void add_find(Command& root);
void add_gateway(Command& root);
void add_history(Command& root);
void add_inspect(Command& root);
void add_login(Command& root);
void add_logout(Command& root);
void add_logs(Command& root);
void add_person(Command& root);
void add_platform_keys(Command& key);  // commands of `key`
void add_push(Command& root);
void add_restart(Command& root);
void add_rollback(Command& root);
void add_run(Command& root);
void add_route(Command& root);
void add_scale(Command& root);
void add_key(Command& root);
void add_open(Command& root);
void add_pack(Command& root);
void add_password(Command& root);
void add_token(Command& root);
void add_try(Command& root);
void add_up(Command& root);
void add_doctor(Command& root);
void add_seal(Command& root);
void add_update(Command& root);
void add_render(Command& root);
void add_import(Command& root);
void add_vendor(Command& root);
void add_verify(Command& root);
void add_whoami(Command& root);
void add_withdraw(Command& root);

}  // namespace mifeng::cli
