// Every command of `mifeng`, one function each; commands.cpp calls them in the order of --help.
#pragma once

#include "cli/command.h"

namespace mifeng::cli {

void add_commands(Command& root);

void add_init(Command& root);
void add_inspect(Command& root);
void add_key(Command& root);
void add_open(Command& root);
void add_pack(Command& root);
void add_up(Command& root);
void add_doctor(Command& root);
void add_seal(Command& root);
void add_verify(Command& root);

}  // namespace mifeng::cli
