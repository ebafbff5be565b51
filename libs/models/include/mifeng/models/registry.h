// The image registry as the platform speaks to it, with skopeo. Any that has the OCI distribution API will do; with
// Harbor the project is the path behind its address, and the user a robot account ("robot$platform").
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::models {

// How it is reached, and as whom.
struct RegistryAccess {
  bool plain_http = true;                 // on loopback, or where the operator has allowed it
  std::filesystem::path ca_file{};        // PEM, beside the system's authorities; empty: those alone
  std::string user{};                     // empty: nobody has to say who he is
  std::filesystem::path password_file{};  // its first line; read each time, so that a new one needs no restart
};

// Runs `skopeo` with `argv` behind it, whose option names for the registry begin with `side` ("dest-", or "" where the
// command has one registry alone). Blocks for `deadline` at most. The password is in no argument, no variable and no
// file of ours: skopeo reads it from memory. `address` is what is spoken to, HOST[:PORT]/… Errors as registry_error()
// gives them, "registry-login" also where the password cannot be read; kTimeout "command-timeout".
Result<void> run_skopeo(const RegistryAccess& access, const std::string& address, std::vector<std::string> argv,
                        std::string_view side, std::chrono::seconds deadline);

// Waits until the registry of `address` has answered anything at all, an error too. kUnavailable "registry-unavailable"
// where it has not for `patience`: a copy would be given its hour before that is noticed.
Result<void> await_registry(const RegistryAccess& access, const std::string& address, std::chrono::seconds patience);

// What skopeo said of a call that failed, as a sentence with what to do. kUnavailable "registry-login" (unknown user or
// wrong password), "registry-denied" (he may not write there, or there is no such project), "registry-untrusted" (its
// certificate), "registry-not-tls", "registry-unavailable" (it is away, or anything else); kResourceExhausted
// "registry-full" (a quota, or its disk).
Error registry_error(const std::string& address, std::string_view output);

}  // namespace mifeng::models
