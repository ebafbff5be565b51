// mifeng run
#include "mifeng/stack/run_model.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "cli/console.h"
#include "cli/language.h"
#include "commands/call_data.h"
#include "commands/commands.h"
#include "commands/pack_places.h"
#include "commands/up_listener.h"
#include "mifeng/os/release.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kDataMax = std::size_t{64} << 20;  // what a served model takes

struct RunArguments {
  std::string project = ".";
  std::string path, data;
  std::string packs, guard, cache, port_range;
  bool stay = false;
};

// Whoever asked sudo, where the folder is his: what packing leaves in it and in his cache is to be his as well.
std::optional<stack::PackAs> who_asked_sudo(const std::filesystem::path& project) {
  const char* const asked = std::getenv("SUDO_UID");
  struct ::stat facts {};
  if (::geteuid() != 0 || asked == nullptr || ::stat(project.c_str(), &facts) != 0 || facts.st_uid == 0 ||
      asked != std::to_string(facts.st_uid))
    return std::nullopt;
  std::array<char, 16384> buffer{};
  struct ::passwd entry {};
  struct ::passwd* found = nullptr;
  if (::getpwuid_r(facts.st_uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  stack::PackAs who{entry.pw_uid, entry.pw_gid, {}, entry.pw_dir};
  int count = 256;
  who.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(entry.pw_name, entry.pw_gid, who.groups.data(), &count) < 0) count = 1;
  who.groups.resize(static_cast<std::size_t>(count));
  if (count == 1) who.groups[0] = entry.pw_gid;
  return who;
}

Result<int> run(const RunArguments& arguments, Console& console) {
  stack::RunModelOptions options;
  std::error_code error;
  options.project =
      (std::filesystem::absolute(arguments.project.empty() ? "." : arguments.project, error) / ".").lexically_normal();
  options.project = options.project.parent_path();
  if (!std::filesystem::exists(options.project / "mifeng.yaml", error))
    return Error(ErrorCode::kNotFound, "no-such-file",
                 say("There is no mifeng.yaml in {}; `mifeng init` makes one.", {options.project.string()}));
  options.stay = arguments.stay;
  options.pack_as = who_asked_sudo(options.project);
  if (!arguments.path.empty() || !arguments.data.empty()) {
    stack::ModelRequest request;
    request.path = arguments.path.empty() ? "/predict" : arguments.path;
    if (!request.path.starts_with('/'))
      return Error(ErrorCode::kInvalidArgument, "usage",
                   say("A path begins with a slash, and {} does not.", {request.path}));
    if (!arguments.data.empty()) {
      MIFENG_TRY(request.body, data_of(arguments.data, kDataMax));
    }
    options.request = std::move(request);
  }
  options.up.programs = own_programs();
  options.up.packs = packs_folder(arguments.packs);
  options.up.guard = guard_image(arguments.guard);
  options.up.cache = arguments.cache.empty() && options.pack_as
                         ? std::filesystem::path(options.pack_as->home) / ".cache/mifeng/packs"
                         : cache_folder(arguments.cache);
  options.up.port_range = arguments.port_range;
  stack::UpListener listener = up_listener(console);
  Result<void> printed = ok();
  listener.result = [&](std::string_view answer) {
    printed = console.print(std::string(answer) + (answer.ends_with('\n') ? "" : "\n"));
    std::fflush(stdout);
  };
  MIFENG_TRY(const int status, stack::run_model(options, listener));
  MIFENG_CHECK(printed);
  return status;
}

}  // namespace

void add_run(Command& root) {
  auto arguments = std::make_shared<RunArguments>();
  Command command =
      root.add("run", "Pack a model, run it on this machine as at a customer's, call it once, and take it down");
  command.text("FOLDER", arguments->project, "the folder of mifeng.yaml; default the current one")
      .text("--path", arguments->path,
            "what to call; default /predict with -d, else as the project's calls.jsonl has it")
      .text("-d,--data", arguments->data, "what to send: @FILE, @- for standard input, or the text itself")
      .flag("--stay", arguments->stay, "go on after the call, until Ctrl-C, and show how to call it")
      .text("--packs", arguments->packs, "folder of the language packs")
      .setting("packs")
      .text("--guard", arguments->guard, "folder of the guards' image; default the one beside this program")
      .setting("guard")
      .text("--cache", arguments->cache, "folder for base images, dependencies and finished layers")
      .setting("cache")
      .text("--port-range", arguments->port_range, "FIRST-LAST: node ports to take; default some that are free")
      .examples(
          "  sudo mifeng run wheat                  calls what the first line of wheat/calls.jsonl says\n"
          "  sudo mifeng run wheat -d @field.json   calls /predict with that\n"
          "  sudo mifeng run wheat --stay           until Ctrl-C\n\n"
          "A platform, a registry, a container engine and a gateway are started for it, in a folder of /var/tmp that "
          "goes\n"
          "with them. The model is sealed for that platform, and needs nobody's card or key.");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli
