#include "mifeng/start/message.h"

#include <gtest/gtest.h>

namespace mifeng::start {
namespace {

TEST(StartMessage, EachHasOneSpelling) {
  const std::pair<Message, const char*> all[] = {
      {{Word::kPayload, 0, 0}, "payload"},
      {{Word::kStart, 1, 0}, "start 1"},
      {{Word::kStarted, 2, 7}, "started 2 landlock 7"},
      {{Word::kFailed, 1, 0}, "failed 1"},
      {{Word::kExited, 1, 0}, "ended 1 exit 0"},
      {{Word::kKilled, 3, 9}, "ended 3 signal 9"},
      {{Word::kEnd, 1, 1200}, "end 1 after 1200"},
      {{Word::kAsked, 0, 0}, "asked"},
  };
  for (const auto& [message, text] : all) {
    EXPECT_EQ(encode(message), text);
    const auto back = decode(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(*back, message) << text;
  }
}

TEST(StartMessage, WhatIsSpeltOtherwiseIsRefused) {
  for (const char* text : {"",
                           "payload 1",
                           "payload\n",
                           " payload",
                           "start",
                           "start ",
                           "start 0",
                           "start 01",
                           "start -1",
                           "start 1 ",
                           "start 4294967297",
                           "start 1000000001",
                           "started 1",
                           "started 1 landlock",
                           "started 1 landlock 1001",
                           "ended 1 exit 256",
                           "ended 1 exit",
                           "ended 1 signal 128",
                           "ended 1 with 3",
                           "end 1",
                           "end 1 after 3600001",
                           "end 1 after 1 ms",
                           "asked twice",
                           "START 1",
                           "failed 1 errno 2"}) {
    const auto message = decode(text);
    ASSERT_FALSE(message) << text;
    EXPECT_EQ(message.error().reason(), "bad-message");
  }
  EXPECT_FALSE(decode(std::string_view("asked\0", 6)));
}

}  // namespace
}  // namespace mifeng::start
