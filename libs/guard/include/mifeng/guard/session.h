// What a guard says to the platform, and what it makes of the answers. No I/O and no waiting: the caller sends what
// next() gives, hands the answer to handle(), and comes again after delay().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/messages/grant.h"

namespace mifeng::guard {

struct SessionOptions {
  std::string deployment;
  std::string instance;
  std::optional<std::string> pod_uid;
  bool proves_by_token = false;  // set_token() first, and again before each next() that needs_token()
  std::string guard_version;
  crypto::Sm2PublicKey identity_key;  // of the platform
  crypto::Sm2PublicKey delivery_key;
  crypto::Sm3Digest payload_header_sm3{};
};

class GrantSession {
 public:
  GrantSession(SessionOptions options, const Clock& clock, const messages::SealingTools& tools);

  struct Exchange {
    std::string path;   // "/v1/grants" or "/v1/renewals"
    std::string nonce;  // Mifeng-Nonce
    Bytes body;
    std::string what;  // "the grant request", "the renewal"
    // To be printed before it is sent, each time: that this process made it. Empty where no token goes with it.
    std::string printed;
  };
  // The request to send now. The same bytes again until an answer to them was accepted, since an answer may be lost;
  // but where they carry a token, and there is another now, a new one. kUnavailable "no-token" where it needs one and
  // has none.
  Result<Exchange> next();
  // Whether a token goes with what next() gives.
  bool needs_token() const;

  enum class Step {
    kNothing,  // the state is as it was; last_error() says why where the exchange failed
    kGranted,  // a grant came: grant(), and new keys to seal and sign with
    kNewKey,   // another output key from now on
    kRevoked,  // stop
  };
  // The answer's body, or why there is none.
  Step handle(const Result<Bytes>& answer);
  std::chrono::milliseconds delay() const;

  bool has_grant() const { return grant_.has_value(); }
  // The grant that came last. Its root key is the payload's; forget_root_key() once that is open.
  const messages::Grant& grant() const { return *grant_; }
  void forget_root_key();
  // Asks, with the next renewal, whether the model may start for the number-th time (2 or more). Only with a grant.
  void ask_start(std::uint32_t number);
  enum class StartWord { kNone, kAsked, kAllowed, kRefused };
  StartWord start_word() const { return start_word_; }  // about the start that was asked for last
  // What answers are sealed to and signed with. Only with a grant.
  const crypto::Sm2PublicKey& output_key() const { return *output_key_; }
  const crypto::Sm2PrivateKey& signing_key() const { return *granted_signing_key_; }
  // Whether the gateways know this instance, or have had the time to (spec/grant.md, gateways_confirm_by_ms).
  bool listed() const;
  // Why the last exchange came to nothing, with what to do about it; empty where it did not.
  const std::string& last_error() const { return last_error_; }

  void count_calls(std::uint64_t calls) { calls_ += calls; }
  void count_event(const std::string& event_class, std::uint64_t count = 1);
  void set_token(SecretBytes token) { token_ = std::move(token); }

 private:
  // A key pair to receive with and one to sign with.
  struct Keys {
    crypto::Sm2PrivateKey receive;
    crypto::Sm2PrivateKey sign;
  };
  Result<Exchange> make_request();
  Result<Exchange> make_renewal();
  Step handle_grant(ByteView body);
  Step handle_renewed(ByteView body);
  Step fail(const Error& error);
  std::string advice(const Error& error) const;
  Result<std::optional<SecretBytes>> token_for_message();

  SessionOptions options_;
  const Clock& clock_;
  const messages::SealingTools& tools_;
  std::optional<Keys> keys_;  // of the request under way, then of the grant
  std::optional<messages::Grant> grant_;
  std::optional<crypto::Sm2PublicKey> output_key_;
  std::optional<crypto::Sm2PrivateKey> granted_signing_key_;
  std::optional<Exchange> pending_;  // sent, not answered
  SecretBytes token_;                // empty: none yet
  SecretBytes sent_token_;           // that of pending_; empty where none goes with it
  std::uint32_t start_number_ = 0;
  StartWord start_word_ = StartWord::kNone;
  bool start_sent_ = false;  // the renewal that was made last asks for it
  bool wants_grant_ = true;
  bool listed_ = false;
  std::int64_t renew_ms_ = 60'000;
  std::chrono::steady_clock::time_point granted_at_{};
  std::optional<std::chrono::steady_clock::time_point> unknown_at_;  // when "unknown" was heard last
  std::chrono::milliseconds regrant_pause_{0};
  int failures_ = 0;
  std::uint64_t counter_ = 0;
  std::uint64_t calls_ = 0, calls_sent_ = 0;
  std::map<std::string, std::uint64_t> events_, events_sent_;
  std::string last_error_;
};

}  // namespace mifeng::guard
