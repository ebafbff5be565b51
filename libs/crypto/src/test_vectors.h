// The vectors of vectors/third-party, read.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <map>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/os/file.h"

namespace mifeng::crypto::testing {

inline boost::json::value wycheproof(const std::string& name) {
  return boost::json::parse(
      read_text_file(MIFENG_SOURCE_DIR "/vectors/third-party/wycheproof/" + name, 8 << 20).value());
}

inline Bytes hex_of(const boost::json::value& test, const char* field) {
  return from_hex(std::string(test.at(field).as_string())).value();
}

// A .vec file: "Name = hex"; a value stays in force until it is set again, a test is complete at `last`.
inline std::vector<std::map<std::string, std::string>> botan_vectors(const std::string& name, const std::string& last) {
  const std::string text = read_text_file(MIFENG_SOURCE_DIR "/vectors/third-party/botan/" + name, 8 << 20).value();
  std::vector<std::map<std::string, std::string>> tests;
  std::map<std::string, std::string> now;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const auto equals = line.find('=');
    if (line.empty() || line[0] == '#' || equals == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(' ', equals - 1) + 1);
    const auto from = line.find_first_not_of(' ', equals + 1);
    const std::string value = from == std::string::npos ? "" : line.substr(from);
    now[key] = value;
    if (key == last) tests.push_back(now);
  }
  return tests;
}

}  // namespace mifeng::crypto::testing
