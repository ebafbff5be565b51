#include "mifeng/keyholder/key_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/io_context.hpp>
#include <cstring>
#include <thread>

#include "mifeng/os/file.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::keyholder {
namespace {

using namespace std::chrono_literals;

struct KeySocketTest : testing::Test {
  TempDir folder = TempDir::create("/tmp", "mfk-").value();
  boost::asio::io_context io;
  FakeClock clock;
  SystemRandom random;
  crypto::Sm2PrivateKey output = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey instance = crypto::Sm2PrivateKey::generate().value();
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  Bytes context = to_bytes("context");

  KeySocketOptions options(proxy::Role role) {
    KeySocketOptions made;
    made.path = folder.path() / "key.sock";
    made.role = role;
    made.unknown_signer_wait = 300ms;
    return made;
  }
  proxy::Instance listed(const std::string& deployment) { return {"i-1", deployment, instance.public_key().point()}; }
  std::vector<crypto::Sm2PrivateKey> output_keys() {
    std::vector<crypto::Sm2PrivateKey> keys;
    keys.push_back(output.clone());
    return keys;
  }
  // What a guard's worker would send: the header of a stream under a key that make_seal_key() made.
  proxy::UnwrapRequest request(const std::string& deployment = "dep-1") {
    proxy::SealKey made = make_seal_key(output.public_key(), instance, random).value();
    auto key =
        sealed::SenderKey::from_parts({sealed::Kind::kResponse, made.exponent, made.recipient_count, true, made.blocks},
                                      sealed::RootKey(std::move(made.root_key)))
            .value();
    sealed::SealOptions seal;
    seal.context = context;
    const auto sealer = sealed::Sealer::create(key, seal, random, *provider).value();
    return {9, deployment, context, Bytes(sealer.header().begin(), sealer.header().end())};
  }
};

// A worker's end, without nginx.
class Worker {
 public:
  Worker(const std::filesystem::path& path, boost::asio::io_context& io) : io_(io) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<::sockaddr*>(&address), sizeof(address)), 0);
  }
  void send(const proxy::WorkerMessage& message) {
    const Bytes frame = proxy::encode_frame(message);
    EXPECT_EQ(::send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL), static_cast<::ssize_t>(frame.size()));
  }
  // The next message, or none where the connection ends or nothing comes in time.
  std::optional<proxy::KeyholderMessage> receive(std::chrono::milliseconds time = 30s) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      const ByteView frame = reader_.next().value();
      if (!frame.empty()) return proxy::decode_keyholder_message(frame).value();
      io_.restart();
      io_.run_for(5ms);
      std::array<std::uint8_t, 4096> buffer;
      const ::ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (n == 0) return std::nullopt;
      if (n > 0) reader_.feed(ByteView(buffer).first(static_cast<std::size_t>(n)));
    }
    return std::nullopt;
  }

 private:
  boost::asio::io_context& io_;
  UniqueFd fd_;
  proxy::FrameReader reader_{proxy::kKeyholderFrameMax};
};

proxy::Table table(std::uint64_t serial, std::vector<proxy::Instance> instances) {
  proxy::Table made;
  made.serial = serial;
  made.expires_ms = 1;
  made.instances = std::move(instances);
  return made;
}

TEST_F(KeySocketTest, UnwrapsForAListedInstanceOfTheDeployment) {
  ResponseUnwrapper unwrapper(clock);
  ASSERT_TRUE(unwrapper.update(output_keys(), {listed("dep-1")}));
  const auto unwrapped = unwrapper.unwrap(request());
  ASSERT_TRUE(unwrapped) << unwrapped.error().reason();
  EXPECT_EQ(unwrapped->id, 9u);
  EXPECT_EQ(unwrapped->signer, instance.public_key().point());
}

TEST_F(KeySocketTest, AnInstanceUnderTooManyRootKeysHoldsUpNobodyElse) {
  ResponseUnwrapper unwrapper(clock, {.burst = 3, .per_second = 2});
  crypto::Sm2PrivateKey other = crypto::Sm2PrivateKey::generate().value();
  ASSERT_TRUE(unwrapper.update(output_keys(), {listed("dep-1"), {"i-2", "dep-1", other.public_key().point()}}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(unwrapper.unwrap(request()));
  EXPECT_EQ(unwrapper.unwrap(request()).error().reason(), "too-many-root-keys");
  EXPECT_EQ(unwrapper.unwrap(request()).error().code(), ErrorCode::kResourceExhausted);
  clock.advance(500ms);
  EXPECT_TRUE(unwrapper.unwrap(request()));
  EXPECT_FALSE(unwrapper.unwrap(request()));
  // The other one of the same deployment.
  std::swap(instance, other);
  EXPECT_TRUE(unwrapper.unwrap(request()));
  // A new snapshot that lists it still does not give it more.
  std::swap(instance, other);
  ASSERT_TRUE(unwrapper.update(output_keys(), {listed("dep-1")}));
  EXPECT_FALSE(unwrapper.unwrap(request()));
  clock.advance(1h);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(unwrapper.unwrap(request()));
  EXPECT_FALSE(unwrapper.unwrap(request()));
}

TEST_F(KeySocketTest, ASealKeyIsLimitedToWhatTheFormatAllows) {
  const auto made = [&](SealKeyLimits limits) {
    return make_seal_key(output.public_key(), instance, random, limits).value();
  };
  EXPECT_EQ(made({}).seconds_max, 900u);
  EXPECT_EQ(made({}).streams_max, 1u << 20);
  const auto less = made({.age_max = 5s, .streams_max = 40});
  EXPECT_EQ(less.seconds_max, 5u);
  EXPECT_EQ(less.streams_max, 40u);
  const auto more = made({.age_max = 1h, .streams_max = 1u << 30});
  EXPECT_EQ(more.seconds_max, 900u);
  EXPECT_EQ(more.streams_max, 1u << 20);
}

TEST_F(KeySocketTest, UnwrapsNothingElse) {
  ResponseUnwrapper unwrapper(clock);
  ASSERT_TRUE(unwrapper.update(output_keys(), {listed("dep-1")}));
  const auto reason = [&](const proxy::UnwrapRequest& asked) { return unwrapper.unwrap(asked).error().reason(); };
  EXPECT_EQ(reason(request("dep-2")), "unknown-signer");
  auto other_context = request();
  other_context.context = to_bytes("another");
  EXPECT_EQ(reason(other_context), "bad-header-mac");
  auto longer = request();
  longer.header.push_back(0);
  EXPECT_EQ(reason(longer), "header-trailing");
  auto shorter = request();
  shorter.header.pop_back();
  EXPECT_EQ(reason(shorter), "truncated");
  ASSERT_TRUE(unwrapper.update({}, {listed("dep-1")}));
  EXPECT_EQ(reason(request()), "no-recipient");
}

TEST_F(KeySocketTest, ASignatureOfAnotherKeyWithTheSameIdIsRefused) {
  // The signer's key id in the header is not covered by the signature: it is the listed key that has to verify.
  ResponseUnwrapper unwrapper(clock);
  ASSERT_TRUE(unwrapper.update(output_keys(), {listed("dep-1")}));
  const auto stranger = crypto::Sm2PrivateKey::generate().value();
  proxy::SealKey made = make_seal_key(output.public_key(), stranger, random).value();
  const crypto::KeyId own = stranger.public_key().key_id();
  const auto at = std::search(made.blocks.begin(), made.blocks.end(), own.begin(), own.end());
  ASSERT_NE(at, made.blocks.end());
  std::copy(instance.public_key().key_id().begin(), instance.public_key().key_id().end(), at);
  auto key =
      sealed::SenderKey::from_parts({sealed::Kind::kResponse, made.exponent, made.recipient_count, true, made.blocks},
                                    sealed::RootKey(std::move(made.root_key)))
          .value();
  sealed::SealOptions seal;
  seal.context = context;
  const auto sealer = sealed::Sealer::create(key, seal, random, *provider).value();
  const proxy::UnwrapRequest asked{1, "dep-1", context, Bytes(sealer.header().begin(), sealer.header().end())};
  EXPECT_EQ(unwrapper.unwrap(asked).error().reason(), "bad-signature");
}

TEST_F(KeySocketTest, HoldsAnUnknownSignerUntilATableListsIt) {
  ResponseUnwrapper unwrapper(clock);
  ASSERT_TRUE(unwrapper.update(output_keys(), {}));
  KeySocketCallbacks callbacks;
  std::vector<std::uint64_t> taken;
  callbacks.on_unwrap = [&](const proxy::UnwrapRequest& asked) { return unwrapper.unwrap(asked); };
  callbacks.on_table_taken = [&](std::uint64_t serial) { taken.push_back(serial); };
  KeySocketOptions patient = options(proxy::Role::kGateway);
  patient.unknown_signer_wait = 30s;
  const auto server = KeySocketServer::create(io, patient, callbacks).value();
  ASSERT_TRUE(server->push_table(table(1, {})));
  Worker worker(folder.path() / "key.sock", io);
  worker.send(proxy::Hello{proxy::Role::kGateway, 1});
  ASSERT_TRUE(std::holds_alternative<proxy::TablePush>(worker.receive().value()));
  worker.send(proxy::TableTaken{1});
  worker.send(request());
  for (int i = 0; i < 100 && taken.empty(); ++i) EXPECT_FALSE(worker.receive(100ms));
  EXPECT_EQ(taken, std::vector<std::uint64_t>{1});
  ASSERT_TRUE(unwrapper.update(output_keys(), {listed("dep-1")}));
  ASSERT_TRUE(server->push_table(table(2, {listed("dep-1")})));
  // The table comes first: the worker asks it whether the signer is listed.
  EXPECT_EQ(std::get<proxy::TablePush>(worker.receive().value()).table.serial, 2u);
  EXPECT_EQ(std::get<proxy::Unwrapped>(worker.receive().value()).id, 9u);
  EXPECT_EQ(server->worker_count(), 1u);
}

TEST_F(KeySocketTest, RefusesAnUnknownSignerWhenTheTimeIsOver) {
  ResponseUnwrapper unwrapper(clock);
  ASSERT_TRUE(unwrapper.update(output_keys(), {}));
  KeySocketCallbacks callbacks;
  callbacks.on_unwrap = [&](const proxy::UnwrapRequest& asked) { return unwrapper.unwrap(asked); };
  const auto server = KeySocketServer::create(io, options(proxy::Role::kGateway), callbacks).value();
  Worker worker(folder.path() / "key.sock", io);
  worker.send(proxy::Hello{proxy::Role::kGateway, 1});
  const auto begin = std::chrono::steady_clock::now();
  worker.send(request());
  EXPECT_EQ(std::get<proxy::Refused>(worker.receive().value()).reason, "unknown-signer");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 290ms);
}

TEST_F(KeySocketTest, GivesEachAskingWorkerAKeyOfItsOwn) {
  KeySocketCallbacks callbacks;
  callbacks.on_seal_key = [&] { return make_seal_key(output.public_key(), instance, random); };
  const auto server = KeySocketServer::create(io, options(proxy::Role::kGuard), callbacks).value();
  server->set_state({true, false});
  std::vector<Bytes> blocks;
  for (int i = 0; i < 2; ++i) {
    Worker worker(folder.path() / "key.sock", io);
    worker.send(proxy::Hello{proxy::Role::kGuard, 1});
    EXPECT_TRUE(std::get<proxy::GuardState>(worker.receive().value()).ready);
    worker.send(proxy::SealKeyRequest{4});
    const auto answer = worker.receive().value();
    EXPECT_EQ(std::get<proxy::SealKey>(answer).id, 4u);
    blocks.push_back(std::get<proxy::SealKey>(answer).blocks);
    server->renew_seal_keys();
    EXPECT_TRUE(std::holds_alternative<proxy::RenewSealKey>(worker.receive().value()));
  }
  EXPECT_NE(blocks[0], blocks[1]);
}

TEST_F(KeySocketTest, KnowsWhetherEveryWorkerHasAKeyAndHasDrained) {
  KeySocketCallbacks callbacks;
  int changes = 0;
  callbacks.on_seal_key = [&] { return make_seal_key(output.public_key(), instance, random); };
  callbacks.on_workers_changed = [&] { ++changes; };
  const auto server = KeySocketServer::create(io, options(proxy::Role::kGuard), callbacks).value();
  EXPECT_FALSE(server->workers_have_seal_keys());  // there is no worker
  Worker first(folder.path() / "key.sock", io);
  Worker second(folder.path() / "key.sock", io);
  for (Worker* worker : {&first, &second}) {
    worker->send(proxy::Hello{proxy::Role::kGuard, 1});
    ASSERT_TRUE(std::holds_alternative<proxy::GuardState>(worker->receive().value()));
    EXPECT_FALSE(server->workers_have_seal_keys());
    worker->send(proxy::SealKeyRequest{1});
    ASSERT_TRUE(std::holds_alternative<proxy::SealKey>(worker->receive().value()));
  }
  EXPECT_TRUE(server->workers_have_seal_keys());
  EXPECT_EQ(changes, 2);
  // What was not asked for is no answer.
  first.send(proxy::Drained{});
  EXPECT_FALSE(first.receive(100ms));
  EXPECT_FALSE(server->workers_are_drained());
  server->set_state({.ready = false, .draining = true, .lame_duck = true});
  for (Worker* worker : {&first, &second}) {
    EXPECT_TRUE(std::get<proxy::GuardState>(worker->receive().value()).draining);
    EXPECT_FALSE(server->workers_are_drained());
    worker->send(proxy::Drained{});
    const int before = changes;
    for (int i = 0; i < 300 && changes == before; ++i) (void)worker->receive(100ms);
  }
  EXPECT_TRUE(server->workers_are_drained());
}

TEST_F(KeySocketTest, SaysWhatTheWorkersLeaveOutOfATable) {
  const auto server = KeySocketServer::create(io, options(proxy::Role::kGateway), {}).value();
  EXPECT_EQ(server->push_table(table(1, {listed("a")})).value().count, 0u);
  // One signing key of two deployments.
  const auto left_out = server->push_table(table(2, {listed("a"), listed("b")}));
  ASSERT_TRUE(left_out);
  EXPECT_EQ(left_out->text(), "instance i-1: it has the signing key of instance i-1");
}

TEST_F(KeySocketTest, RefusesAPathThatIsTooLong) {
  auto long_path = options(proxy::Role::kGuard);
  long_path.path = folder.path() / std::string(120, 'x');
  EXPECT_EQ(KeySocketServer::create(io, long_path, {}).error().reason(), "bad-socket-path");
}

}  // namespace
}  // namespace mifeng::keyholder
