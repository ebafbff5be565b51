#include "mifeng/keyholder/tasks.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace mifeng::keyholder {
namespace {

namespace asio = boost::asio;

TEST(Tasks, WaitUntilTheBellRingsOrTheyAreCancelled) {
  asio::io_context io;
  std::string log;
  Tasks tasks(io, [&](const std::string& line) { log += line + "\n"; });
  Bell bell(io);
  int rung = 0;
  const auto wait_once = [&]() -> asio::awaitable<void> {
    co_await bell.wait(std::chrono::hours(1));
    ++rung;
  };
  const auto wait_always = [&]() -> asio::awaitable<void> {
    while (true) co_await bell.wait(std::chrono::hours(1));
  };
  tasks.spawn("once", wait_once());
  tasks.spawn("again", wait_once());
  tasks.spawn("always", wait_always());
  io.poll();
  EXPECT_EQ(tasks.running(), 3u);
  bell.ring();
  io.poll();
  EXPECT_EQ(rung, 2);
  EXPECT_EQ(tasks.running(), 1u);
  tasks.cancel();
  io.poll();
  EXPECT_EQ(tasks.running(), 0u);
  EXPECT_EQ(log, "");
}

TEST(Tasks, SayWhatWasThrown) {
  asio::io_context io;
  std::string log;
  Tasks tasks(io, [&](const std::string& line) { log += line + "\n"; });
  const auto fail = []() -> asio::awaitable<void> {
    throw std::runtime_error("it broke");
    co_return;
  };
  tasks.spawn("renewals", fail());
  io.poll();
  EXPECT_EQ(log, "renewals: it broke\n");
  EXPECT_EQ(tasks.running(), 0u);
}

TEST(Tasks, RunUntilTheLifeEndsAndTakeTheOthersAlong) {
  asio::io_context io;
  std::string log;
  Tasks tasks(io, [&](const std::string& line) { log += line + "\n"; });
  Bell bell(io);
  bool left = false;
  const auto wait_always = [&]() -> asio::awaitable<void> {
    struct Leaving {
      explicit Leaving(bool& flag) : flag_(flag) {}
      ~Leaving() { flag_ = true; }
      bool& flag_;
    };
    const Leaving leaving(left);
    while (true) co_await bell.wait(std::chrono::hours(1));
  };
  const auto life = [&](bool breaks) -> asio::awaitable<void> {
    tasks.spawn("always", wait_always());
    co_await bell.wait(std::chrono::milliseconds(1));
    EXPECT_FALSE(left);
    if (breaks) throw std::runtime_error("it broke");
  };
  for (const bool breaks : {false, true}) {
    left = false;
    tasks.run(life(breaks));
    EXPECT_TRUE(left);
    EXPECT_EQ(tasks.running(), 0u);
    EXPECT_EQ(log, breaks ? "stopping: it broke\n" : "");
  }
}

TEST(Bell, WaitsNoLongerThanItsTimeout) {
  asio::io_context io;
  Tasks tasks(io, [](const std::string&) {});
  Bell bell(io);
  bool done = false;
  const auto wait = [&]() -> asio::awaitable<void> {
    co_await bell.wait(std::chrono::milliseconds(1));
    done = true;
  };
  tasks.spawn("wait", wait());
  io.run();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace mifeng::keyholder
