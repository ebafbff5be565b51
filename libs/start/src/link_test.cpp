#include "mifeng/start/link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace mifeng::start {
namespace {

class LinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_.emplace(UniqueFd(ends[0]));
    theirs_.reset(ends[1]);
  }
  // As a hostile peer would: any text, any number of copies of one descriptor.
  void send_raw(std::string text, std::size_t count, int fd) {
    iovec piece{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 64)> control{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (count > 0) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
      for (std::size_t i = 0; i < count; ++i) std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof fd);
    }
    ASSERT_GE(::sendmsg(theirs_.get(), &header, 0), 0);
  }
  static int open_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  }

  std::optional<Link> ours_;
  UniqueFd theirs_;
};

TEST_F(LinkTest, HandsTwoDescriptorsOver) {
  Link other(std::move(theirs_));
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(other.send({Word::kPayload, 0, 0}, {null.get(), null.get()}));
  auto received = ours_->receive();
  ASSERT_TRUE(received);
  ASSERT_TRUE(*received);
  EXPECT_EQ((*received)->message.word, Word::kPayload);
  ASSERT_EQ((*received)->fds.size(), 2u);
  EXPECT_NE(::fcntl((*received)->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_TRUE(other.send({Word::kEnd, 4, 100}));
  received = ours_->receive();
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->message, (Message{Word::kEnd, 4, 100}));
  const auto none = ours_->receive();
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

TEST_F(LinkTest, AnyOtherNumberOfDescriptorsIsRefusedAndNoneStaysOpen) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int before = open_descriptors();
  for (const std::size_t count : {0, 1, 3, 16, 20, 64}) {
    send_raw("payload", count, null.get());
    const auto received = ours_->receive();
    ASSERT_FALSE(received) << count;
    EXPECT_EQ(received.error().reason(), "bad-message");
    EXPECT_EQ(open_descriptors(), before) << count;
  }
  send_raw("start 1", 1, null.get());
  EXPECT_FALSE(ours_->receive());
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(LinkTest, WhatIsNoMessageIsRefused) {
  for (const std::string& text :
       {std::string("hello"), std::string(kMessageMax + 100, 'x'), "payload" + std::string(1, '\0')}) {
    send_raw(text, 0, -1);
    const auto received = ours_->receive();
    ASSERT_FALSE(received) << text;
    EXPECT_EQ(received.error().reason(), "bad-message");
  }
}

TEST_F(LinkTest, ItsEndIsSeenByBothSides) {
  theirs_.reset();
  const auto received = ours_->receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().reason(), "link-broken");
  const auto sent = ours_->send({Word::kAsked, 0, 0});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason(), "link-broken");
}

TEST_F(LinkTest, NobodyWhoListensIsSaid) {
  const auto link = Link::connect("/tmp/there/is/no/such.sock", std::chrono::milliseconds(50));
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().reason(), "no-guard");
}

}  // namespace
}  // namespace mifeng::start
