#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "installation.h"
#include "mifeng/os/file.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/stack/doctor.h"
#include "mifeng/stack/service.h"
#include "supervisor.h"
#include "tool.h"

namespace mifeng::stack {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class StackTest : public ::testing::Test {
 protected:
  StackTest() : folder_(std::move(*TempDir::create("/tmp", "mf-"))) {}
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

  ServiceOptions shell(const std::string& name, const std::string& script) const {
    ServiceOptions options;
    options.name = name;
    options.log = path(name + ".log");
    options.child.argv = {"/bin/sh", "-c", script};
    return options;
  }

  TempDir folder_;
};

bool process_is_there(::pid_t pid) {
  const auto stat = read_text_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  return stat && stat->find(") Z ") == std::string::npos;
}

bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

TEST_F(StackTest, AServiceThatIsReadySaysWhere) {
  ServiceOptions options = shell("ready", R"(echo '{"url":"http://127.0.0.1:1"}' >&3; exec sleep 60)");
  options.ready_line = true;
  options.child.argv.push_back("sh");  // --ready-fd 3 become the script's parameters
  const auto service = Service::start(std::move(options));
  ASSERT_TRUE(service) << service.error().message();
  const auto url = (*service)->wait_ready(30s);
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_EQ(*url, "http://127.0.0.1:1");
  EXPECT_TRUE((*service)->check());
}

TEST_F(StackTest, AServiceThatEndsIsQuotedAndOneThatHangsIsNotWaitedFor) {
  ServiceOptions options = shell("ends", "echo no disk >&2; exit 3");
  options.ready_line = true;
  auto service = Service::start(std::move(options));
  ASSERT_TRUE(service);
  auto url = (*service)->wait_ready(30s);
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().reason(), "service-ended");
  EXPECT_THAT(url.error().message(), HasSubstr("exit status 3"));
  EXPECT_THAT(url.error().message(), HasSubstr("no disk"));

  options = shell("hangs", "exec sleep 60");
  options.ready_line = true;
  service = Service::start(std::move(options));
  ASSERT_TRUE(service);
  url = (*service)->wait_ready(100ms);
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().reason(), "service-not-ready");
}

TEST_F(StackTest, WhatIsNoReadyLineIsAnError) {
  for (const char* line : {"ready", "[]", "{}", R"({"url":7})"}) {
    ServiceOptions options = shell("odd", "echo '" + std::string(line) + "' >&3; exec sleep 60");
    options.ready_line = true;
    const auto service = Service::start(std::move(options));
    ASSERT_TRUE(service);
    EXPECT_FALSE((*service)->wait_ready(30s)) << line;
  }
}

TEST_F(StackTest, TheSupervisorStartsAgainWhatHasEnded) {
  std::vector<std::string> messages;
  std::mutex mutex;
  Supervisor supervisor([&](std::string_view text) {
    const std::lock_guard guard(mutex);
    messages.emplace_back(text);
  });
  const auto pid_file = path("pid");
  const ServiceOptions options = shell("worker", "echo $$ > " + pid_file.string() + "; exec sleep 60");
  ASSERT_TRUE(supervisor.add("worker", [&] { return Service::start(options); }));
  const auto pid = [&] {
    const auto text = read_text_file(pid_file, 32);
    return text ? std::atoi(text->c_str()) : 0;
  };
  ASSERT_TRUE(comes_true([&] { return pid() > 0; }));
  const ::pid_t first = pid();
  ::kill(first, SIGKILL);
  EXPECT_TRUE(comes_true([&] { return pid() > 0 && pid() != first && process_is_there(pid()); }));
  EXPECT_EQ(supervisor.restarts("worker"), 1);
  const ::pid_t second = pid();
  supervisor.stop();
  EXPECT_TRUE(comes_true([&] { return !process_is_there(second); }));
}

TEST_F(StackTest, TheSupervisorNeverPausesLongerThanItIsTold) {
  Supervisor supervisor([](std::string_view) {}, 10ms);
  const ServiceOptions options = shell("worker", "exit 0");
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(supervisor.add("worker", [&] { return Service::start(options); }));
  // Without a bound the pauses before these would be 0.2 to 1.8 s, nine seconds in all.
  EXPECT_TRUE(comes_true([&] { return supervisor.restarts("worker") >= 10; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s);
}

TEST_F(StackTest, TheSupervisorStopsInReverseAndGivesBackAFirstFailure) {
  std::vector<std::string> order;
  Supervisor supervisor([](std::string_view) {});
  for (const char* name : {"first", "second"}) {
    const ServiceOptions options = shell(name, "exec sleep 60");
    ASSERT_TRUE(supervisor.add(
        name, [options] { return Service::start(options); },
        [&order, name](Service& service) {
          order.push_back(name);
          service.stop(1s);
        }));
  }
  const auto failed = supervisor.add("third", [] {
    return Result<std::unique_ptr<Service>>(Error(ErrorCode::kNotFound, "no-such-program", "there is none"));
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason(), "no-such-program");
  supervisor.stop("first", [&] { order.push_back("between"); });
  EXPECT_THAT(order, ::testing::ElementsAre("second", "between", "first"));
}

TEST_F(StackTest, ASecondUpOnTheSameDataIsRefusedAndTheIdStays) {
  std::string id;
  {
    auto first = Installation::open(path("data"));
    ASSERT_TRUE(first) << first.error().message();
    id = first->id();
    EXPECT_EQ(id.size(), 32U);
    const auto second = Installation::open(path("data"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().reason(), "already-running");
    EXPECT_THAT(second.error().message(), HasSubstr(std::to_string(::getpid())));
    std::filesystem::remove(first->sockets());
  }
  auto again = Installation::open(path("data"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id(), id);
  std::filesystem::remove(again->sockets());
  EXPECT_EQ(Installation::open(path(std::string(90, 'x'))).error().reason(), "path-too-long");
}

TEST_F(StackTest, PortsStayAndATakenOneIsNamed) {
  auto installation = Installation::open(path("data"));
  ASSERT_TRUE(installation);
  const auto usual = pick_loopback_port(0);
  ASSERT_TRUE(usual);
  const auto port = installation->port("gateway", 0, *usual);
  ASSERT_TRUE(port);
  EXPECT_EQ(*port, *usual);
  const auto other = pick_loopback_port(0);
  ASSERT_TRUE(other);
  EXPECT_EQ(*installation->port("gateway", 0, *other), *port);
  const UniqueFd holder(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(holder.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(holder.get(), 1), 0);
  const auto taken = installation->port("gateway", 0, *usual);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().reason(), "port-taken");
  EXPECT_THAT(taken.error().message(), HasSubstr("--gateway-port"));
  EXPECT_THAT(taken.error().message(), HasSubstr("(process " + std::to_string(::getpid()) + ")"));
  std::filesystem::remove(installation->sockets());
}

class ToolTest : public StackTest {
 protected:
  ToolTest() : stop_(std::move(*StopSignal::create())) {}
  Result<void> run(const std::string& script, std::chrono::milliseconds timeout = 10s) {
    ChildOptions options;
    options.argv = {"/bin/sh", "-c", script};
    return run_tool(std::move(options), timeout, stop_, [this](std::string_view line) { lines_.emplace_back(line); });
  }
  StopSignal stop_;
  std::vector<std::string> lines_;
};

TEST_F(ToolTest, LinesComeAndAFailureEndsWithTheLastOfThem) {
  EXPECT_TRUE(run("echo one; echo two >&2; printf three"));
  EXPECT_THAT(lines_, ::testing::ElementsAre("one", "two", "three"));
  const auto failed = run("echo the compiler says no; exit 4");
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), HasSubstr("exit status 4"));
  EXPECT_THAT(failed.error().message(), HasSubstr("the compiler says no"));
}

TEST_F(ToolTest, NothingOfATreeIsLeftAfterTheTimeout) {
  const auto pid_file = path("pid");
  int pid = 0;
  for (const auto timeout : {1s, 5s, 20s}) {  // in which the grandchild has to be there
    // In a session of its own, as no signal to a group reaches it.
    const auto failed = run("setsid sh -c 'echo $$ > " + pid_file.string() + "; sleep 60' & wait", timeout);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().reason(), "tool-timeout");
    pid = std::atoi(read_text_file(pid_file, 32).value_or("").c_str());
    if (pid > 0) break;
  }
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(comes_true([&] { return !process_is_there(pid); }));
}

TEST_F(ToolTest, ASignalEndsTheToolAtOnce) {
  ::kill(::getpid(), SIGTERM);  // blocked, so it waits in the descriptor
  const auto started = std::chrono::steady_clock::now();
  const auto failed = run("sleep 30");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason(), "interrupted");
  EXPECT_LT(std::chrono::steady_clock::now() - started, 10s);
}

TEST_F(StackTest, TheDoctorOfPackingAsksForNothingThatRunsModels) {
  const auto findings = examine_packing({path("packs"), path("cache/deep/below")});
  const auto find = [&](const std::string& what) {
    return std::find_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.what == what; });
  };
  for (const char* what : {"podman", "nginx", "docker-registry", "guard image", "cgroups"})
    EXPECT_EQ(find(what), findings.end()) << what;
  ASSERT_NE(find("rights"), findings.end());
  EXPECT_EQ(find("rights")->state, Finding::State::kFine);
  ASSERT_NE(find("language packs"), findings.end());  // there are none there
  EXPECT_EQ(find("language packs")->state, Finding::State::kMissing);
  EXPECT_THAT(find("language packs")->remedy, HasSubstr("--packs"));
  ASSERT_NE(find("cache"), findings.end());
  EXPECT_EQ(find("cache")->state, Finding::State::kFine);
  EXPECT_FALSE(std::filesystem::exists(path("cache")));
}

TEST_F(StackTest, TheDoctorNamesWhatIsMissingAndHowToGetIt) {
  UpOptions options;
  options.data = path("data");
  options.programs = path("nothing");
  options.guard = path("nothing");
  const auto findings = examine(options);
  const auto found =
      std::find_if(findings.begin(), findings.end(), [](const Finding& one) { return one.what == "mifengd"; });
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(found->state, Finding::State::kMissing);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.remedy.empty(), finding.state == Finding::State::kFine) << finding.what;
  }
  EXPECT_FALSE(std::filesystem::exists(options.data));
  for (const char* what : {"nginx module", "guard image", "SM2 in OpenSSL", "SM4 by this processor", "cgroups",
                           "disk space", "port of the registry", "mmdebstrap", "runc", "docker-registry"})
    EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [&](const Finding& one) { return one.what == what; }))
        << what;
}

}  // namespace
}  // namespace mifeng::stack
