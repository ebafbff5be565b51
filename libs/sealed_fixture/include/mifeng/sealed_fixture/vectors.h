// Test vectors of the sealed stream, read from the JSON form that vectors/README.md describes.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/sealed/header.h"

namespace mifeng::sealed::testing {

struct VectorCase {
  std::string name;
  Kind kind = Kind::kPayload;
  Bytes context;
  Bytes stream;
  Bytes private_key;
  std::optional<Bytes> signer;
  bool require_signature = false;
  bool ok = false;
  std::vector<std::string> classes;  // the first is the one of the order of refusal, the others may be named instead
  std::size_t length = 0;            // of the plaintext; of what may be released before the refusal
  std::string sha256;                // of those bytes
};

// The whole document. A file that cannot be read fails the running test and yields null.
boost::json::value read_json(const std::string& path);
std::vector<VectorCase> read_sealed_vectors(const std::string& path);

// The vector files with this name: our own and the reference's.
std::vector<std::string> vector_files(const std::string& name);

std::string sha256_hex(ByteView bytes);

}  // namespace mifeng::sealed::testing
