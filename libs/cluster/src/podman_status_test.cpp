#include "podman_status.h"

#include <gmock/gmock.h>

#include "log_frames.h"
#include "mifeng/os/file.h"
#include "test_workload.h"

namespace mifeng::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(EngineTime, ReadsWhatPodmanWrites) {
  EXPECT_EQ(parse_engine_time("1970-01-01T00:00:01Z"), 1000);
  EXPECT_EQ(parse_engine_time("2026-11-23T03:02:59.934135394Z"), 1795402979934);
  EXPECT_EQ(parse_engine_time("2026-11-23T04:02:59.934+01:00"), 1795402979934);
  EXPECT_EQ(parse_engine_time("2026-11-22T22:02:59.9-05:00"), 1795402979900);
}

TEST(EngineTime, NeverAndNonsenseAreNothing) {
  EXPECT_EQ(parse_engine_time("0001-01-01T00:00:00Z"), std::nullopt);
  EXPECT_EQ(parse_engine_time(""), std::nullopt);
  EXPECT_EQ(parse_engine_time("yesterday"), std::nullopt);
  EXPECT_EQ(parse_engine_time("2026-11-23T04:02:59+x"), std::nullopt);
  EXPECT_EQ(parse_engine_time(std::string(100, '1')), std::nullopt);
}

TEST(PodmanStatus, ReadsARunningContainer) {
  const json::Object guard = sample_inspected("guard"), model = sample_inspected("model");
  const Seen seen = seen_in(guard, &model);
  EXPECT_TRUE(seen.model_runs);
  EXPECT_FALSE(seen_in(guard, nullptr).model_runs);
  EXPECT_NE(seen_in(guard, nullptr).fingerprint, seen.fingerprint);
  EXPECT_EQ(seen.unit.state, UnitState::kRunning);
  EXPECT_EQ(seen.unit.name, "mf-01234567-digits-a1b2c3-0");
  EXPECT_EQ(seen.unit.deployment, "digits-a1b2c3");
  EXPECT_EQ(seen.unit.revision, 1);
  EXPECT_EQ(seen.unit.restart, 0);
  EXPECT_EQ(seen.slot, 0);
  EXPECT_EQ(seen.unit.node_ports, (std::vector<NodePort>{{"http", 0, 30991}}));
  EXPECT_EQ(seen.health_port, 15020);
  EXPECT_EQ(seen.memory_limit, 48 << 20);
  EXPECT_EQ(seen.claimed.cpu_millis, 500);
  EXPECT_EQ(seen.claimed.memory_bytes, (32 << 20) + (48 << 20));  // the guard's limit, the model's request
  EXPECT_THAT(seen.address, StartsWith("10."));
  EXPECT_TRUE(seen.unit.started_at_ms);
  EXPECT_FALSE(seen.unit.exit_code);
}

TEST(PodmanStatus, AnAnswerWithoutAnythingIsPendingAndInNoSlot) {
  EXPECT_EQ(seen_in(json::Object{}, nullptr).unit.state, UnitState::kPending);
  EXPECT_EQ(seen_in(json::Object{}, nullptr).slot, -1);
  EXPECT_EQ(listed_in({json::Object{{"State", 7}, {"Names", "x"}}}).at(0).name, "x");
}

// A list is compared with what was looked at before; it must not differ by its form.
TEST(PodmanStatus, AListedContainerIsTheOneThatWasLookedAt) {
  const auto inspected = [](const char* status, std::int64_t pid, const char* started, int exit_code) {
    const json::Object state{{"Status", status}, {"Pid", pid}, {"StartedAt", started}, {"ExitCode", exit_code}};
    const json::Object guard{{"Id", "abc"}, {"State", state}}, model{{"Id", "def"}, {"State", state}};
    return seen_in(guard, &model).fingerprint;
  };
  const auto listed = [](const char* state, std::int64_t pid, std::int64_t started, int exit_code) {
    json::Object guard{{"State", state}, {"Pid", pid}, {"StartedAt", started}, {"ExitCode", exit_code}};
    json::Object model = guard;
    guard.set("Id", "abc");
    guard.set("Names", json::Array{"unit"});
    model.set("Id", "def");
    model.set("Names", json::Array{"unit.model"});
    model.set("Labels", json::Object{{"io.mifeng.part", "model"}});
    // In whichever order, and beside half a unit.
    const json::Object half{{"Names", json::Array{"other.model"}}, {"Labels", *model.find("Labels")}};
    const auto units = listed_in({model, half, guard});
    EXPECT_EQ(units.size(), 1U);
    return units.at(0).fingerprint;
  };
  EXPECT_EQ(inspected("running", 7, "2026-11-23T03:02:59.9Z", 0), listed("running", 7, 1795402979, 0));
  EXPECT_EQ(inspected("exited", 0, "2026-11-23T03:02:59.9Z", 3), listed("exited", 0, 1795402979, 3));
  EXPECT_EQ(inspected("created", 0, "0001-01-01T00:00:00Z", 0), listed("created", 0, -62135596800, 0));
  const std::string run = listed("running", 7, 1795402979, 0);
  EXPECT_NE(run, listed("running", 8, 1795402979, 0));
  EXPECT_NE(run, listed("running", 7, 1795402980, 0));
  EXPECT_NE(run, listed("paused", 7, 1795402979, 0));
  EXPECT_NE(run, listed("exited", 0, 1795402979, 0));
}

TEST(PodmanStatus, NewsAreOfContainersOfDeployments) {
  const auto died = news_in(
      R"({"status":"died","id":"abc","Type":"container","Action":"died","Actor":{"ID":"abc","Attributes":)"
      R"({"containerExitCode":"137","io.mifeng.deployment":"test","name":"mf-1-test-0"}},"time":5,"timeNano":5250000000})");
  ASSERT_TRUE(died);
  EXPECT_EQ(died->name, "mf-1-test-0");
  EXPECT_EQ(died->deployment, "test");
  EXPECT_EQ(died->event.action, "died");
  EXPECT_EQ(died->event.detail, "ended with exit status 137");
  EXPECT_EQ(died->event.time_ms, 5250);
  EXPECT_TRUE(died->is_of_guard);
  const auto of_model =
      news_in(R"({"Type":"container","Action":"died","Actor":{"Attributes":{"io.mifeng.part":"model",)"
              R"("io.mifeng.deployment":"test","name":"mf-1-test-0.model"}}})");
  ASSERT_TRUE(of_model);
  EXPECT_EQ(of_model->name, "mf-1-test-0");
  EXPECT_FALSE(of_model->is_of_guard);
  EXPECT_FALSE(news_in(R"({"Type":"volume","Action":"create","Actor":{"Attributes":{"name":"x"}}})"));
  EXPECT_FALSE(news_in(R"({"Type":"container","Action":"start","Actor":{"Attributes":{"name":"of-others"}}})"));
  EXPECT_FALSE(news_in("{"));
  EXPECT_FALSE(news_in(""));
}

TEST(PodmanStatus, AnEndHasAReason) {
  Unit unit;
  unit.exit_code = 3;
  explain_exit(unit, {.guard_lines = {}, .guard = "the model\tended", .model = "no such file"}, std::nullopt);
  EXPECT_EQ(unit.reason,
            "ended with exit status 3; its last words: the model ended; its model's last words: no such file");
  EXPECT_EQ(unit.reason_code, "exited");
  unit.exit_code = 139;
  explain_exit(unit, {}, std::nullopt);
  EXPECT_EQ(unit.reason, "ended with exit status 139 (signal 11)");
  unit.exit_code = 137;
  explain_exit(unit, {}, 64 << 20);
  EXPECT_EQ(unit.reason_code, "out-of-memory");
  EXPECT_THAT(unit.reason, HasSubstr("64 MiB"));
  explain_exit(unit, {}, std::nullopt);
  EXPECT_EQ(unit.reason_code, "exited");
}

TEST(PodmanStatus, ALongLastLineIsCutBetweenCharacters) {
  Unit unit;
  unit.exit_code = 1;
  std::string line = "x";
  for (int i = 0; i < 200; ++i) line += "密";
  explain_exit(unit, {.guard_lines = {}, .guard = line, .model = ""}, std::nullopt);
  EXPECT_THAT(unit.reason, HasSubstr("密..."));
  EXPECT_LT(unit.reason.size(), 400U);
}

TEST(PodmanStatus, AStartThatFailedSaysWhatToDo) {
  const auto port =
      explain_start_failure("cannot listen on the TCP port: listen tcp4 127.0.0.1:30991: bind: address already in use",
                            {{"metrics", 0, 3099}, {"http", 0, 30991}});
  EXPECT_EQ(port.code, "port-taken");
  EXPECT_THAT(port.sentence, StartsWith("host port 30991 "));
  EXPECT_THAT(explain_start_failure("listen tcp4 127.0.0.1:30991: bind: address already in use", {}).sentence,
              StartsWith("host port 30991 "));
  EXPECT_THAT(explain_start_failure("address already in use", {}).sentence, StartsWith("host port of this unit "));
  const auto program = explain_start_failure(
      "runc: runc create failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or "
      "directory: OCI runtime attempted to invoke a command that was not found",
      {});
  EXPECT_EQ(program.code, "cannot-start");
  EXPECT_THAT(program.sentence, HasSubstr("/nope"));
  EXPECT_THAT(explain_start_failure("setting up CDI devices: unresolvable CDI devices a.b/c=0", {}).sentence,
              HasSubstr("hardware"));
  EXPECT_EQ(explain_start_failure("anything", {}).code, "cannot-start");
}

std::vector<std::string> read_all(LogFrameReader& reader, std::string_view stream) {
  std::vector<LogLine> lines;
  EXPECT_TRUE(reader.feed(as_bytes(stream), lines));
  reader.finish(lines);
  std::vector<std::string> texts;
  for (const LogLine& line : lines) texts.push_back((line.is_stderr ? "err " : "out ") + line.text);
  return texts;
}

TEST(LogFrames, KeepsTheTwoStreamsApart) {
  LogFrameReader reader;
  using std::string_literals::operator""s;
  EXPECT_THAT(read_all(reader, "\1\0\0\0\0\0\0\3a\nb\2\0\0\0\0\0\0\2X\n\1\0\0\0\0\0\0\3c\nd"s),
              ::testing::ElementsAre("out a", "err X", "out bc", "out d"));
}

TEST(LogFrames, CutsALineWithoutEnd) {
  LogFrameReader reader;
  std::string stream("\1\0\0\0\0\1\0\0", 8);
  stream += std::string(65536, 'x');
  const auto lines = read_all(reader, stream);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].size(), 4 + LogFrameReader::kLineMax);
}

TEST(LogFrames, RefusesWhatIsNoFrameAndStaysBroken) {
  LogFrameReader reader;
  std::vector<LogLine> lines;
  EXPECT_FALSE(reader.feed(as_bytes("HTTP/1.1 200 OK\r\n"), lines));
  EXPECT_FALSE(reader.feed(as_bytes(std::string("\1\0\0\0\0\0\0\2a\n", 10)), lines));
  EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace mifeng::cluster
