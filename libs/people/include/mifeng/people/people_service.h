// People, passwords, sessions, API tokens.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::trust {
struct Context;
}

namespace mifeng::people {

struct Core;  // what the services share (private)

MIFENG_LISTED(Person, text(id),
              text(name),  // what is typed at sign-in: 1..64 of [a-z0-9._@-]
              text(display_name), of(std::vector<trust::Role>, roles),
              text(vendor_id),  // needed with the role vendor
              flag(enabled), flag(must_change_password), number(created_ms), number(last_sign_in_ms));
struct PersonInput {
  std::string name;  // cannot be changed later
  std::string display_name;
  std::vector<trust::Role> roles;
  std::string vendor_id;
  bool enabled = true;
};
// A password that was made here is shown this once and must be changed at the first sign-in.
MIFENG_LISTED(NewPassword, of(Person, person), text(password));
MIFENG_LISTED(Session,
              text(token),  // bearer, shown once; only its SM3 is stored
              number(expires_ms), of(Person, person));
// How somebody signs in. A browser keeps the bearer string in a cookie that no script can read.
struct Entrance {
  std::string address;   // where from, for the audit log and the list of sessions
  std::string source{};  // what counts as one place of it; empty: the address itself
  bool browser = false;
  std::string agent;  // what the program calls itself: shown, never relied on; cut at 200 bytes
};
MIFENG_LISTED(SessionInfo, text(id), flag(browser), text(agent), text(address), number(created_ms),
              number(last_used_ms),  // to the minute
              number(expires_ms),
              flag(current));  // the one that asks
// Why a session is used: a page that refreshes itself is not somebody who works.
enum class Use { kWork, kRefresh };
MIFENG_LISTED(ApiToken, text(id), text(name), text(person_id),
              of(std::vector<trust::Role>, roles),  // a subset of the person's; shrinks with them
              number(created_ms), number(expires_ms), number(last_used_ms));  // to the minute
MIFENG_LISTED(NewApiToken, of(ApiToken, info),
              text(token));  // "mft_…", shown once; only its SM3 is stored

struct PeopleOptions {
  int parallel_hashes;  // PBKDF2 at once
  int rounds;
  UnixMillis token_lifetime_max_ms;  // of API tokens, also of those that were made under a longer one
};

// Passwords are PBKDF2-HMAC-SM3 with 600,000 rounds and a salt of 16 bytes, 12 to 256 bytes of UTF-8, not the name, not
// the former one. At most `parallel_hashes` are computed at once and 32 wait; a further sign-in is kResourceExhausted
// "too-many-sign-ins". So is one from a place where too many wrong ones came from before, mostly for the same name
// (decision 0028); a right password has to wait there as well. Wrong name, wrong password and disabled all are
// kUnauthenticated "bad-sign-in".
class PeopleService {
 public:
  PeopleService(const trust::Context& context, PeopleOptions options);
  ~PeopleService();

  // Makes the first administrator "admin" if there is no person yet; the password otherwise is nobody's business.
  Result<std::optional<NewPassword>> ensure_administrator();

  Result<Session> sign_in(const std::string& name, const std::string& password, const Entrance& from);
  Result<Session> sign_in(const std::string& name, const std::string& password, const std::string& address) {
    return sign_in(name, password, Entrance{.address = address, .browser = false, .agent = {}});
  }
  // A session's or an API token's bearer string. kUnauthenticated "bad-token". Sessions end after 1 hour without work,
  // and after 12 hours; a browser's begins those 12 hours anew while somebody works, for 7 days at most.
  Result<trust::Actor> authenticate(const std::string& bearer, const std::string& address, Use use = Use::kWork);
  Result<std::int64_t> end_sessions();  // those whose time is over; called by the housekeeping
  Result<void> sign_out(const std::string& bearer);
  Result<Person> me(const trust::Actor& actor);
  // One's own sessions, newest first, and the end of one of them. kNotFound for another person's.
  Result<std::vector<SessionInfo>> list_sessions(const trust::Actor& actor, const std::string& current_bearer);
  Result<void> end_session(const trust::Actor& actor, const std::string& id);
  // Ends the person's other sessions, and the API tokens but those with an id in `keep_tokens` (kNotFound for one that
  // is not the person's): whoever knew the former password may have made some. `current_bearer` stays signed in.
  Result<void> change_password(const trust::Actor& actor, const std::string& current_bearer,
                               const std::string& old_password, const std::string& new_password,
                               const std::vector<std::string>& keep_tokens = {});

  // kManagePeople. Nobody becomes an administrator by an API token, nor gets an administrator's password:
  // kPermissionDenied "token-cannot-make-administrator". Names that the audit log has for others than people are
  // refused ("bad-name"). The last enabled administrator can be neither removed, disabled nor stripped: kConflict
  // "last-administrator".
  Result<NewPassword> create(const trust::Actor& actor, const PersonInput& input);
  Result<Person> update(const trust::Actor& actor, const std::string& id, const PersonInput& input);
  Result<void> remove(const trust::Actor& actor, const std::string& id);
  Result<Person> get(const trust::Actor& actor, const std::string& id);
  Result<trust::Page<Person>> list(const trust::Actor& actor, const trust::PageRequest& page);
  Result<NewPassword> reset_password(const trust::Actor& actor, const std::string& id);  // ends sessions and API tokens

  // One's own tokens; an administrator may list and remove everybody's. Not with a token: kPermissionDenied
  // "token-cannot-make-token". lifetime_ms 0: as long as the platform allows.
  Result<NewApiToken> create_token(const trust::Actor& actor, const std::string& name,
                                   const std::vector<trust::Role>& roles, UnixMillis lifetime_ms);
  Result<std::vector<ApiToken>> list_tokens(const trust::Actor& actor);
  Result<void> remove_token(const trust::Actor& actor, const std::string& id);

 private:
  struct State;
  Result<Session> try_password(const std::string& name, const std::string& password, const Entrance& from);

  const trust::Context& context_;
  std::unique_ptr<State> state_;
};

}  // namespace mifeng::people
