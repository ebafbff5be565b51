#include "mifeng/guard/model_link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstring>

namespace mifeng::guard {
namespace {

namespace asio = boost::asio;
using start::Message;
using start::Word;
using std::chrono::milliseconds;

struct ModelLinks : testing::Test {
  TempDir dir = TempDir::create("/tmp", "mifeng-link-").value();
  asio::io_context io{1};
  std::unique_ptr<ModelLink> guard;

  std::string path(const std::string& name) const { return (dir.path() / name).string(); }
  void SetUp() override {
    ASSERT_TRUE(write_file_atomic(path("header"), as_bytes("header")));
    ASSERT_TRUE(write_file_atomic(path("segments"), as_bytes("segments")));
    listen(::geteuid());
  }
  void listen(::uid_t peer) {
    guard.reset();  // whose socket it takes away
    guard = ModelLink::listen(io, path("start.sock"), peer).value();
  }
  template <typename T>
  Result<T> run(asio::awaitable<Result<T>> task) {
    std::optional<Result<T>> result;
    asio::co_spawn(
        io,
        [](asio::awaitable<Result<T>> inner, std::optional<Result<T>>& out) -> asio::awaitable<void> {
          out.emplace(co_await std::move(inner));
        }(std::move(task), result),
        asio::detached);
    io.restart();
    io.run();
    return std::move(*result);
  }
  start::Link connect() { return start::Link::connect(path("start.sock"), milliseconds(0)).value(); }
  UniqueFd open(const std::string& name, int flags = O_RDONLY) const {
    return UniqueFd(::open(path(name).c_str(), flags | O_CLOEXEC));
  }
  Result<HandedPayload> take(milliseconds patience = milliseconds(2000)) { return run(guard->take_payload(patience)); }
  start::Link connect_and_hand_over() {
    start::Link model = connect();
    EXPECT_TRUE(model.send({Word::kPayload, 0, 0}, {open("header").get(), open("segments").get()}));
    EXPECT_TRUE(take());
    return model;
  }
  std::string refusal(Message message, const std::vector<int>& fds) {
    start::Link model = connect();
    EXPECT_TRUE(model.send(message, fds));
    const auto taken = take();
    listen(::geteuid());
    return taken ? "taken" : taken.error().reason();
  }
};

TEST_F(ModelLinks, TakesThePayloadAndListensNoMore) {
  start::Link model = connect();
  const UniqueFd header = open("header"), segments = open("segments");
  ASSERT_TRUE(model.send({Word::kPayload, 0, 0}, {header.get(), segments.get()}));
  auto taken = take();
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(as_text(taken->header.read_all().value()), "header");
  EXPECT_EQ(as_text(taken->segments.read_all().value()), "segments");
  EXPECT_EQ(start::Link::connect(path("start.sock"), milliseconds(0)).error().reason(), "no-guard");
}

TEST_F(ModelLinks, StartsAndEndsAreCountedByIt) {
  start::Link model = connect_and_hand_over();
  ASSERT_TRUE(guard->end(milliseconds(5))) << "of no model: nothing is said";
  ASSERT_TRUE(guard->start());
  EXPECT_EQ((*model.receive())->message, (Message{Word::kStart, 1, 0}));
  ASSERT_TRUE(model.send({Word::kStarted, 1, 7}));
  EXPECT_EQ(run(guard->next()).value(), (Message{Word::kStarted, 1, 7}));
  ASSERT_TRUE(guard->end(milliseconds(1200)));
  EXPECT_EQ((*model.receive())->message, (Message{Word::kEnd, 1, 1200}));
  ASSERT_TRUE(model.send({Word::kKilled, 1, 9}));
  EXPECT_EQ(run(guard->next()).value(), (Message{Word::kKilled, 1, 9}));
  ASSERT_TRUE(guard->start());
  EXPECT_EQ((*model.receive())->message, (Message{Word::kStart, 2, 0}));
  ASSERT_TRUE(model.send({Word::kAsked, 0, 0}));
  EXPECT_EQ(run(guard->next()).value().word, Word::kAsked);
  EXPECT_EQ(guard->starts(), 2u);
}

TEST_F(ModelLinks, OfAnotherUserIdIsNotTaken) {
  listen(::geteuid() + 1);
  start::Link other = connect();
  (void)other.send({Word::kPayload, 0, 0}, {open("header").get(), open("segments").get()});
  bool taken = false;
  asio::co_spawn(
      io,
      [](ModelLink& link, bool& done) -> asio::awaitable<void> {
        (void)co_await link.take_payload(milliseconds(1000));
        done = true;
      }(*guard, taken),
      asio::detached);
  io.run_for(milliseconds(200));
  EXPECT_FALSE(taken) << "it still waits for the one that it wants";
  EXPECT_EQ(other.receive().error().reason(), "link-broken");
  io.stop();
}

TEST_F(ModelLinks, WhatIsNoPayloadIsRefused) {
  const UniqueFd header = open("header"), segments = open("segments"), writable = open("segments", O_RDWR);
  const UniqueFd folder(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(refusal({Word::kAsked, 0, 0}, {}), "bad-message");
  EXPECT_EQ(refusal({Word::kPayload, 0, 0}, {header.get()}), "bad-message");
  EXPECT_EQ(refusal({Word::kPayload, 0, 0}, {header.get(), segments.get(), segments.get()}), "bad-message");
  EXPECT_EQ(refusal({Word::kPayload, 0, 0}, {folder.get(), segments.get()}), "bad-handover");
  EXPECT_EQ(refusal({Word::kPayload, 0, 0}, {header.get(), writable.get()}), "bad-handover");
  EXPECT_EQ(refusal({Word::kPayload, 0, 0}, {header.get(), segments.get()}), "taken");
}

TEST_F(ModelLinks, OneThatConnectsAndSaysNothingIsGivenUp) {
  const start::Link model = connect();
  const auto taken = take(milliseconds(50));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().reason(), "no-payload");
}

TEST_F(ModelLinks, WhatItMayNotSayAndItsEndAreErrors) {
  start::Link model = connect_and_hand_over();
  ASSERT_TRUE(guard->start());
  for (const Message& message :
       {Message{Word::kStart, 1, 0}, Message{Word::kExited, 2, 0}, Message{Word::kEnd, 1, 0}}) {
    ASSERT_TRUE(model.send(message));
    EXPECT_EQ(run(guard->next()).error().reason(), "bad-message");
  }
  { const start::Link gone = std::move(model); }
  EXPECT_EQ(run(guard->next()).error().reason(), "link-broken");
  EXPECT_EQ(guard->start().error().reason(), "link-broken");
}

}  // namespace
}  // namespace mifeng::guard
