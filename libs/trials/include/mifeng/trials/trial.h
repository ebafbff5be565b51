// A trial 试一试: one request that an operator sends to a model from the platform, and all that came back, in the order
// in which it becomes readable: the sealed bytes, what their header says, the opened answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/listed.h"

namespace mifeng::trials {

// kGateway: as a caller would, so a route is needed, and the gateway opens the answer. kUnit: straight to a unit of the
// deployment as a gateway would, and the platform opens the answer.
enum class TrialWay { kGateway, kUnit };
std::string_view to_string(TrialWay way);  // "gateway", "unit"

struct TrialRequest {
  TrialWay way = TrialWay::kUnit;
  // One of the two. A route: `path` is what follows its access prefix. A deployment: the model's own path.
  std::string route_id{}, deployment_id{};
  // Of a deployment alone; empty: its first port, any unit.
  std::string port{}, unit{};
  std::string method{};  // GET, HEAD, POST, PUT, PATCH, DELETE
  std::string path{};    // "/predict?x=1", as it stands on the wire; may be empty
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::chrono::seconds patience{30};  // for all of it
};

// What the answer is bound to (spec/sealed-format.md, Context): of the request what was sent, of the answer what it
// claims, which is proved once the seal has opened.
MIFENG_LISTED(TrialContext, text(request_id), number(status), text(content_type), text(content_encoding), text(method),
              text(target), text(body_digest));

MIFENG_LISTED(TrialRecipient,
              text(key_id),  // of an output key
              flag(ours),    // whether the platform still has it
              number(size));
// The header of the sealed stream, field by field.
MIFENG_LISTED(TrialHeader, number(version), text(kind),
              number(size),          // H
              number(segment_size),  // S
              flag(fixed), flag(is_signed), text(salt_hex), of(std::vector<TrialRecipient>, recipients),
              text(signer_key_id), number(signature_size), text(mac_hex));
MIFENG_LISTED(TrialSeal,
              text(form),        // "body", or "field" (Mifeng-Seal) of an answer without one
              number(size),      // bytes of the stream
              absent(segments),  // -1 where they do not fit
              text(stream_base64), of(std::optional<TrialHeader>, header));

MIFENG_LISTED(TrialField, text(name), text(value));
MIFENG_LISTED(TrialOpened, number(status), text(content_type), text(content_encoding), number(size), text(body_base64));
// Why the answer was not opened: a class of spec/errors.md.
MIFENG_LISTED(TrialRefusal, text(reason), text(message));
// Microseconds from the beginning but for the last, which is how long the opening took.
MIFENG_LISTED(TrialTimes, number(connected_us), number(first_byte_us), number(whole_us), number(opening_us));

MIFENG_LISTED(Trial, word(TrialWay, way), text(route_id), text(deployment_id),
              text(unit),         // empty: through a gateway, or an address that stands before several
              text(address),      // that was dialled
              text(instance_id),  // whose signature it is; empty where none was verified here
              of(std::optional<TrialContext>, context), of(std::optional<TrialSeal>, seal),
              of(std::vector<TrialField>, fields),  // that a gateway passes on
              of(std::optional<TrialOpened>, opened), of(std::optional<TrialRefusal>, refusal), of(TrialTimes, times));

}  // namespace mifeng::trials
