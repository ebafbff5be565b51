// The master key, from wherever the options say. spec/processes.md.
#pragma once

#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"
#include "options.h"

namespace mifeng::daemon {

// Before other threads run: it changes the environment. kInvalidArgument "no-master-key" | "bad-master-key" |
// "short-passphrase"; where there is a database a missing file or salt is an error, never made anew.
Result<SecretBytes> read_master_key(const Options& options, Random& random);

}  // namespace mifeng::daemon
