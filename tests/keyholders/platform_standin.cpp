// A platform for the tests of guard and gateway: the messages, payload and keys are real, made with the same libraries
// as mifengd; what it does wrong it is told to on standard input.
//   platform_standin FOLDER IMAGE PAYLOAD
// writes IMAGE/payload from the folder PAYLOAD, FOLDER/join.json, and FOLDER/keys.json (what a guard is told); listens
// on FOLDER/sockets/platform.sock and on a loopback port. One JSON object a line on standard output for what happens.
//
// Every guard with an instance name of its own is an instance of its own.
//
// Commands: "listed 0|1", "status renewed|unknown|revoked", "lose N" (answers not given), "false 0|1" (another identity
// key signs), "rotate" (another output key), which is "stage" (snapshots have it) and "name" (guards are told of it),
// "starts 0|1" (whether models may start again), "endpoint ADDRESS,..." and "publish" (a snapshot for the gateway),
// "send old|forged|altered" (a frame with a bad snapshot), "expire MS" (lifetime of the next snapshots).
#include <algorithm>
#include <iostream>
#include <mutex>

#include "mifeng/archive/payload.h"
#include "mifeng/json/value.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/messages/grant.h"
#include "mifeng/net/runtime.h"
#include "mifeng/net/server.h"
#include "mifeng/os/file.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/seal.h"

namespace {

using namespace mifeng;
namespace fs = std::filesystem;
using crypto::Sm2PrivateKey;

Sm2PrivateKey new_key() { return Sm2PrivateKey::generate().value(); }

void tell(const json::Object& event) { std::cout << json::serialize(event) + "\n" << std::flush; }

// A guard that was granted.
struct Unit {
  std::string name;
  std::string id;
  crypto::Sm2PublicKey signing_key, receive_key;
  std::uint64_t counter = 0;
  Bytes last_request, last_answer;
};

class Standin {
 public:
  Standin(fs::path folder, net::Runtime& runtime) : folder_(std::move(folder)), runtime_(runtime) {}

  void make_image(const fs::path& image, const fs::path& payload) {
    Bytes archive;
    const auto manifest = archive::scan_payload(payload).value();
    archive::write_payload(payload, manifest, [&](ByteView bytes) -> Result<void> {
      append(archive, bytes);
      return ok();
    }).value();
    const crypto::Sm2PublicKey recipient = delivery_.public_key();
    auto sender = sealed::SenderKey::create({.kind = sealed::Kind::kPayload,
                                             .exponent = 16,
                                             .recipients = std::span(&recipient, 1),
                                             .signer = &vendor_},
                                            random_)
                      .value();
    const Bytes context = sealed::payload_context("acme", "probe", "1").value();
    const Bytes stream = sealed::seal(sender, {.context = context}, archive, random_, *provider_).value();
    const ByteView header = ByteView(stream).first(sender.header_size());
    root_key_ = sender.root_key().reveal_for_grant().clone();
    fs::create_directories(image / "payload");
    write_file_atomic(image / "payload/header", header).value();
    const ByteView segments = ByteView(stream).subspan(header.size());
    segments_size_ = segments.size();
    segments_sha256_ = crypto::sha256(segments);
    write_file_atomic(image / "payload/segments", segments).value();
    header_sm3_ = crypto::sm3(header);
    const json::Object keys{{"identity", to_base64(identity_.public_key().point())},
                            {"delivery", to_base64(delivery_.public_key().point())}};
    write_file_atomic(folder_ / "keys.json", as_bytes(json::serialize(keys))).value();
  }

  void serve() {
    fs::create_directories(folder_ / "sockets");
    net::ServerOptions local;
    local.listen = net::UnixListen{folder_ / "sockets/platform.sock", 0666};
    auto handler = [this](net::Request request) { return handle(std::move(request)); };
    local_ = net::HttpServer::start(runtime_, std::move(local), handler).value();
    net::ServerOptions tcp;
    tcp.listen = net::TcpListen{};
    tcp_ = net::HttpServer::start(runtime_, std::move(tcp), handler).value();
    const messages::JoinFile join{.platform = "unix:" + (folder_ / "sockets/platform.sock").string(),
                                  .tls_certificate_sm3 = std::nullopt,
                                  .gateway = "gw-1",
                                  .code = SecretBytes(as_bytes("K7QW-2M9D")),
                                  .card = card()};
    write_file_atomic(folder_ / "join.json", messages::encode_join(join).reveal_for_output(), 0600).value();
    tell({{"listening", tcp_->port()}});
  }

  void close() {
    local_.reset();
    tcp_.reset();
  }

  void command(const std::string& line) {
    std::istringstream words(line);
    std::string name, value;
    words >> name >> value;
    {
      const std::lock_guard lock(mutex_);
      if (name == "listed") listed_ = value == "1";
      if (name == "status")
        status_ = value == "unknown"   ? messages::RenewedStatus::kUnknown
                  : value == "revoked" ? messages::RenewedStatus::kRevoked
                                       : messages::RenewedStatus::kRenewed;
      if (name == "starts") lets_start_ = value == "1";
      if (name == "lose") lose_ = std::stoi(value);
      if (name == "false") is_false_ = value == "1";
      if (name == "rotate" || name == "stage") outputs_.push_back(new_key());
      if (name == "rotate" || name == "name") named_output_ = outputs_.size() - 1;
      if (name == "endpoint") set_endpoints(value);
      if (name == "expire") lifetime_ms_ = std::stoll(value);
      if (name == "publish") {
        frames_.push_back(snapshot(identity_, ++serial_));
        tell({{"published", serial_}});
      }
      if (name == "send") send(value);
    }
    changed_.notify();
    tell({{"done", line}});
  }

 private:
  messages::KeyStatement state(messages::KeyPurpose purpose, const Sm2PrivateKey& key,
                               const Sm2PrivateKey& signer) const {
    return messages::make_key_statement({.purpose = purpose,
                                         .key = key.public_key(),
                                         .serial = 1,
                                         .not_before_ms = 0,
                                         .not_after_ms = 4'000'000'000'000},
                                        signer)
        .value();
  }
  messages::PlatformCard card() const {
    return {.platform = "standin",
            .identity = identity_.public_key(),
            .delivery = state(messages::KeyPurpose::kDelivery, delivery_, identity_),
            .output = std::nullopt};
  }

  messages::SnapshotFrame snapshot(const Sm2PrivateKey& signer, std::uint64_t serial) const {
    messages::Snapshot snapshot;
    snapshot.gateway = "gw-1";
    snapshot.serial = serial;
    snapshot.issued_ms = SystemClock().now_ms();
    snapshot.expires_ms = snapshot.issued_ms + lifetime_ms_;
    snapshot.routes.push_back({.id = "r-1",
                               .name = "probe",
                               .prefix = "/probe",
                               .forward = "mifeng://dep-1",
                               .open = true,
                               .callers = std::nullopt,
                               .stream_requests = false,
                               .idempotent = false,
                               .pass_headers = {}});
    snapshot.endpoints.push_back({"dep-1", "http", messages::EndpointKind::kUnit, {}});
    snapshot.endpoints[0].addresses = endpoints_;
    for (const Unit& unit : units_) snapshot.instances.push_back({unit.id, "dep-1", unit.signing_key});
    for (const Sm2PrivateKey& key : outputs_) snapshot.output_keys.push_back({key.clone(), 0, 4'000'000'000'000});
    return {.serial = serial, .stream = messages::seal_snapshot(snapshot, *gateway_receive_, signer, tools_).value()};
  }
  void set_endpoints(const std::string& list) {
    endpoints_.clear();
    std::istringstream addresses(list);
    for (std::string address; std::getline(addresses, address, ',');) endpoints_.push_back(address);
  }
  const Sm2PrivateKey& output() const { return outputs_[named_output_]; }

  void send(const std::string& what) {
    if (what == "old") frames_.push_back(snapshot(identity_, 5));
    if (what == "forged") frames_.push_back(snapshot(other_, serial_ + 100));
    if (what == "altered") {
      auto frame = snapshot(identity_, serial_ + 100);
      frame.stream[frame.stream.size() / 2] ^= 1;
      frames_.push_back(std::move(frame));
    }
  }

  static net::Response sealed_answer(const Bytes& stream) {
    return net::Response(200, std::string(as_text(stream)), "application/vnd.mifeng.sealed");
  }
  static net::Response refuse(const std::string& reason) {
    tell({{"refused", reason}});
    return net::Response(403, R"({"error":{"reason":"refused","message":"refused"}})", "application/json");
  }
  bool loses() {
    if (lose_ == 0) return false;
    --lose_;
    return true;
  }

  net::asio::awaitable<net::Response> handle(net::Request request) {
    auto reading = net::read_body(*request.body, messages::kMessageSizeMax);
    auto body = co_await std::move(reading);
    if (!body) co_return net::Response(400);
    const std::lock_guard lock(mutex_);
    const auto field = [&](const char* name) {
      const std::string* value = request.headers.find(name);
      return value == nullptr ? std::string() : *value;
    };
    const ByteView stream = as_bytes(*body);
    if (request.target == "/v1/grants") co_return grant(stream, field("Mifeng-Nonce"));
    if (request.target == "/v1/renewals") co_return renew(stream, field("Mifeng-Nonce"));
    if (request.target.ends_with("/enrolment")) co_return enrol(stream, field("Mifeng-Nonce"));
    if (request.target.ends_with("/reports") || request.target.ends_with("/confirmations"))
      co_return report(stream, field("Mifeng-Serial"));
    if (request.target.find("/snapshots?after=") != std::string::npos) co_return follow(request);
    co_return net::Response(404);
  }

  net::Response grant(ByteView stream, const std::string& nonce) {
    for (const Unit& unit : units_) {
      if (!std::equal(stream.begin(), stream.end(), unit.last_request.begin(), unit.last_request.end())) continue;
      tell({{"grant", "again"}});
      if (loses()) return net::Response(503);
      return sealed_answer(unit.last_answer);
    }
    auto request = messages::open_grant_request(stream, "dep-1", nonce, delivery_, tools_);
    if (!request) return refuse(request.error().reason());
    if (request->payload_header_sm3 != header_sm3_) return refuse("unknown-payload");
    std::erase_if(units_, [&](const Unit& unit) { return unit.name == request->unit; });
    Unit& unit = units_.emplace_back(Unit{.name = request->unit,
                                          .id = "ins-" + std::to_string(++grants_),
                                          .signing_key = request->signing_key,
                                          .receive_key = request->receive_key,
                                          .counter = 0,
                                          .last_request = Bytes(stream.begin(), stream.end()),
                                          .last_answer = {}});
    status_ = messages::RenewedStatus::kRenewed;
    const Sm2PrivateKey& signer = is_false_ ? other_ : identity_;
    const UnixMillis now = SystemClock().now_ms();
    unit.last_answer =
        messages::seal_grant({.deployment = "dep-1",
                              .instance_id = unit.id,
                              .vendor = "acme",
                              .model = "probe",
                              .version = "1",
                              .vendor_key = vendor_.public_key(),
                              .payload_root_key = root_key_.clone(),
                              .segments_size = segments_size_,
                              .segments_sha256 = segments_sha256_,
                              .output_key = output().public_key(),
                              .output_key_statement = state(messages::KeyPurpose::kOutput, output(), signer),
                              .identity_chain = {},
                              .platform_time_ms = now,
                              .lease_ms = 300'000,
                              .renew_ms = 2'000,
                              .listed = listed_,
                              .gateways_confirm_by_ms = now + 10'000},
                             nonce, request->receive_key, signer, tools_)
            .value();
    tell({{"grant", unit.id}, {"instance", unit.name}, {"signing_key", to_base64(unit.signing_key.point())}});
    if (is_false_) unit.last_request.clear();
    if (loses()) return net::Response(503);
    return sealed_answer(unit.last_answer);
  }

  net::Response renew(ByteView stream, const std::string& nonce) {
    const auto open = [&](const Unit& unit) {
      return messages::open_renewal(stream, "dep-1", nonce, delivery_, &unit.signing_key, tools_);
    };
    const auto unit =
        std::find_if(units_.begin(), units_.end(), [&](const Unit& each) { return open(each).has_value(); });
    if (unit == units_.end()) return refuse("unknown");
    const auto renewal = open(*unit);
    const bool again = renewal->counter == unit->counter;
    if (renewal->counter < unit->counter) return refuse("counter");
    unit->counter = renewal->counter;
    messages::Renewed renewed{.status = status_, .identity_chain = {}, .terms = std::nullopt};
    if (status_ == messages::RenewedStatus::kRenewed)
      renewed.terms =
          messages::Renewed::Terms{.output_key = output().public_key(),
                                   .output_key_statement = state(messages::KeyPurpose::kOutput, output(), identity_),
                                   .platform_time_ms = SystemClock().now_ms(),
                                   .lease_ms = 300'000,
                                   .renew_ms = 2'000,
                                   .listed = listed_,
                                   .start = lets_start_ ? renewal->start : std::nullopt};
    json::Object event{{"renewal", renewal->counter},
                       {"again", again},
                       {"calls", renewal->calls},
                       {"listed", listed_},
                       {"unit", unit->id}};
    if (renewal->start) event.set("start", *renewal->start);
    tell(event);
    if (loses()) return net::Response(503);
    return sealed_answer(messages::seal_renewed(renewed, "dep-1", nonce, unit->receive_key, identity_, tools_).value());
  }

  net::Response enrol(ByteView stream, const std::string& nonce) {
    if (!last_enrolment_.empty() &&
        std::equal(stream.begin(), stream.end(), last_enrolment_.begin(), last_enrolment_.end())) {
      tell({{"enrolled", "again"}});
    } else {
      auto enrolment = messages::open_enrolment(stream, "gw-1", nonce, delivery_, tools_);
      if (!enrolment) return refuse(enrolment.error().reason());
      if (as_text(enrolment->code.reveal_for_computing()) != "K7QW-2M9D") return refuse("code");
      gateway_receive_ = enrolment->receive_key;
      gateway_sign_ = enrolment->signing_key;
      last_enrolment_.assign(stream.begin(), stream.end());
      frames_.push_back(snapshot(is_false_ ? other_ : identity_, ++serial_));
      tell({{"enrolled", "gw-1"}});
    }
    if (loses()) return net::Response(503);
    auto answer = sealed_answer(frames_.back().stream);
    answer.headers.add("Mifeng-Serial", std::to_string(frames_.back().serial));
    return answer;
  }

  net::Response report(ByteView stream, const std::string& serial) {
    auto report = messages::open_report(stream, "gw-1", std::stoull(serial), delivery_, *gateway_sign_, tools_);
    if (!report) return refuse(report.error().reason());
    json::Object event{{"confirmed", report->serial}, {"counter", report->counter}};
    json::Object refusals;
    std::uint64_t calls = 0;
    for (const messages::ReportRow& row : report->rows) {
      calls += row.calls;
      for (const auto& [name, count] : row.refusals) refusals.set(name, count);
    }
    event.set("calls", calls);
    event.set("refusals", refusals);
    tell(event);
    return net::Response(204);
  }

  net::Response follow(const net::Request& request) {
    const std::string* nonce = request.headers.find("Mifeng-Nonce");
    const std::string* time = request.headers.find("Mifeng-Time");
    const std::string* signature = request.headers.find("Mifeng-Signature");
    if (nonce == nullptr || time == nullptr || signature == nullptr) return refuse("unsigned");
    const auto bytes = from_base64(*signature);
    if (!bytes || !messages::verify_follow({"gw-1", *nonce, std::stoll(*time)}, *bytes, *gateway_sign_))
      return refuse("bad-signature");
    const std::uint64_t after = std::stoull(request.target.substr(request.target.find('=') + 1));
    // What is in force, where the gateway does not have it; then what comes after this line.
    std::size_t next = frames_.size();
    if (!frames_.empty() && frames_.back().serial > after) --next;
    tell({{"following", after}});
    net::Response response(200, {}, "application/vnd.mifeng.snapshots");
    response.body = net::BodyWriter([this, next](net::BodySink& sink) { return write_frames(sink, next); });
    return response;
  }

  net::Task<void> write_frames(net::BodySink& sink, std::size_t next) {
    while (true) {
      const std::uint64_t seen = changed_.count();
      Bytes bytes;
      {
        const std::lock_guard lock(mutex_);
        for (; next < frames_.size(); ++next)
          messages::append_snapshot_frame(bytes, frames_[next].serial, frames_[next].stream);
        if (bytes.empty()) messages::append_snapshot_frame(bytes, serial_, {});
      }
      auto writing = sink.write(bytes);
      auto written = co_await std::move(writing);
      if (!written) co_return written.error();
      co_await changed_.wait(seen, std::chrono::milliseconds(2000));
    }
  }

  fs::path folder_;
  net::Runtime& runtime_;
  std::mutex mutex_;
  net::Notifier changed_;
  SystemRandom random_;
  std::unique_ptr<crypto::Sm4GcmProvider> provider_ = crypto::Sm4GcmProvider::create().value();
  messages::SealingTools tools_{random_, *provider_};
  Sm2PrivateKey identity_ = new_key(), delivery_ = new_key(), vendor_ = new_key(), other_ = new_key();
  std::vector<Sm2PrivateKey> outputs_ = one(new_key());
  Secret<16> root_key_;
  std::uint64_t segments_size_ = 0;
  crypto::Sha256Digest segments_sha256_{};
  crypto::Sm3Digest header_sm3_{};
  bool listed_ = true;
  bool is_false_ = false;
  bool lets_start_ = true;
  int lose_ = 0;
  messages::RenewedStatus status_ = messages::RenewedStatus::kRenewed;
  std::int64_t lifetime_ms_ = 86'400'000;
  std::vector<std::string> endpoints_;
  int grants_ = 0;
  std::uint64_t serial_ = 10;
  std::size_t named_output_ = 0;
  std::vector<Unit> units_;
  std::optional<crypto::Sm2PublicKey> gateway_receive_, gateway_sign_;
  Bytes last_enrolment_;
  std::vector<messages::SnapshotFrame> frames_;
  std::unique_ptr<net::HttpServer> local_, tcp_;

  static std::vector<Sm2PrivateKey> one(Sm2PrivateKey key) {
    std::vector<Sm2PrivateKey> keys;
    keys.push_back(std::move(key));
    return keys;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "platform_standin FOLDER IMAGE PAYLOAD\n";
    return 2;
  }
  net::Runtime runtime(1);
  Standin standin(argv[1], runtime);
  standin.make_image(argv[2], argv[3]);
  standin.serve();
  for (std::string line; std::getline(std::cin, line);) standin.command(line);
  standin.close();
  runtime.stop();
  return 0;
}
