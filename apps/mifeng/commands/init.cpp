// mifeng init: a model project that packs and serves as it stands, from the template of a language's pack.
#include <filesystem>

#include "cli/console.h"
#include "cli/language.h"
#include "commands/commands.h"
#include "commands/pack_places.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {
namespace {

namespace fs = std::filesystem;

struct InitArguments {
  std::string folder;
  std::string language = "python";
  std::string name;
  std::string vendor = "my-company";
  std::string packs;
};

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

Result<void> copy_template(const fs::path& from, const fs::path& to, const InitArguments& arguments, Console& console) {
  try {
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
      const fs::path relative = entry.path().lexically_relative(from);
      if (entry.is_directory()) {
        fs::create_directories(to / relative);
        continue;
      }
      fs::create_directories((to / relative).parent_path());
      MIFENG_TRY(std::string text, read_text_file(entry.path(), 1 << 20));
      replace_all(text, "@NAME@", arguments.name);
      replace_all(text, "@VENDOR@", arguments.vendor);
      MIFENG_CHECK(write_file_atomic(to / relative, as_bytes(text)));
      console.message("  " + relative.generic_string());
    }
  } catch (const fs::filesystem_error& error) {
    return Error(ErrorCode::kInternal, "cannot-write", error.what());
  }
  return ok();
}

Result<int> run(InitArguments arguments, Console& console) {
  const auto refuse = [](const std::string& sentence) {
    return Error(ErrorCode::kInvalidArgument, "bad-argument", sentence);
  };
  std::error_code error;
  const fs::path folder = fs::absolute(arguments.folder.empty() ? "." : arguments.folder, error).lexically_normal();
  if (arguments.name.empty()) arguments.name = (folder / ".").parent_path().filename();
  if (const auto complaint = manifest::check_label(arguments.name))
    return refuse(say("the name \"{}\" {}; give another with --name", {arguments.name, *complaint}));
  if (const auto complaint = manifest::check_label(arguments.vendor)) return refuse("--vendor " + *complaint);
  if (const auto complaint = manifest::check_label(arguments.language)) return refuse("--language " + *complaint);
  const fs::path from = packs_folder(arguments.packs) / arguments.language / "template";
  if (!fs::is_directory(from, error))
    return refuse(say("there is no template for {} in {}", {arguments.language, from.string()}));
  if (fs::exists(folder, error) && !fs::is_empty(folder, error))
    return Error(ErrorCode::kConflict, "not-empty", say("{} is not empty; name a new folder.", {folder.string()}));
  console.message(say("A {} model in {}:", {arguments.language, folder.string()}));
  MIFENG_CHECK(copy_template(from, folder, arguments, console));
  console.message(
      say("Next: edit mifeng.yaml and the documents, then `mifeng key generate` and `mifeng pack {} --for CARD --sign "
          "KEY`.",
          {arguments.folder.empty() ? std::string(".") : arguments.folder}));
  return 0;
}

}  // namespace

void add_init(Command& root) {
  auto arguments = std::make_shared<InitArguments>();
  Command command = root.add("init", "Begin a model project that packs as it stands");
  command.text("FOLDER", arguments->folder, "a new folder; default the current one")
      .text("--language", arguments->language, "python, cpp, or another that has a pack; default python")
      .text("--name", arguments->name, "of the model; default the folder's")
      .text("--vendor", arguments->vendor, "the id that you go by at your customers'")
      .text("--packs", arguments->packs, "folder of the language packs")
      .setting("packs")
      .examples("  mifeng init wheat --language cpp --vendor acme");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli
