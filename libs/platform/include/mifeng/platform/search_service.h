// One search over everything, and the way from any id to its object. It shows nothing that the lists would not.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/store/search.h"
#include "mifeng/trust/actor.h"

namespace mifeng::trust {
struct Context;
}

namespace mifeng::platform {

// The same without the owner, which is told to nobody.
MIFENG_LISTED(FoundThing, word(store::FoundKind, kind), text(id), text(name), text(detail), text(within));

class SearchService {
 public:
  explicit SearchService(const trust::Context& context) : context_(context) {}

  // What `text` is a part of (store::search_kind), kind by kind, at most `limit` (1..50) of each; digits find node
  // ports, the beginning of a fingerprint finds keys and vendors. What has exactly this id stands first. An empty text
  // finds nothing. kInvalidArgument "bad-search".
  Result<std::vector<FoundThing>> search(const trust::Actor& actor, const std::string& text, std::int64_t limit);
  // What has this id, of whatever kind; the id of a request leads to what was asked, where the platform itself asked
  // it. kNotFound "not-found", also of what the actor may not see.
  Result<FoundThing> find(const trust::Actor& actor, const std::string& id);

 private:
  const trust::Context& context_;
};

}  // namespace mifeng::platform
