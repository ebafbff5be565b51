// What a stack that is being started says, on the console and in its language.
#pragma once

#include "cli/console.h"
#include "mifeng/stack/up.h"

namespace mifeng::cli {

// All but results, which each command prints in its own way. It refers to `console`.
stack::UpListener up_listener(Console& console);

}  // namespace mifeng::cli
