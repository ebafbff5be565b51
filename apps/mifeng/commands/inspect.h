// mifeng inspect: tells by the first bytes what a file is, and hands it to the code that knows that form.
#pragma once

#include <string>

#include "cli/console.h"
#include "cli/stream_files.h"

namespace mifeng::cli {

// A form of file that can be inspected. To add one: write a function below and a line in inspect.cpp.
struct InspectRequest {
  std::string path;    // "" or "-": standard input
  std::string format;  // "table" or "json"
  Bytes beginning;     // what was read of it so far, at most kInspectBeginning bytes
  Input* rest;         // goes on after `beginning`
};
inline constexpr std::size_t kInspectBeginning = 4096;  // of what cannot be a key

// "MFS": a sealed stream's header. Reads no key and proves nothing.
Result<int> inspect_stream(const InspectRequest& request, Console& console);
// A platform card: its keys, and that its statements fit them. Whether it is the right one the fingerprint tells.
Result<int> inspect_card(const InspectRequest& request, Console& console);
// A key or certificate in PEM: its fingerprint.
Result<int> inspect_key(const InspectRequest& request, Console& console);
// A tar whose first entry is mifeng-package.json. Structure and digests of its small parts hold; no signature is asked.
Result<int> inspect_package(const InspectRequest& request, Console& console);

}  // namespace mifeng::cli
