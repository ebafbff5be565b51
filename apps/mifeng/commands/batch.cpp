// mifeng batch
#include <chrono>
#include <optional>
#include <thread>

#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/language.h"
#include "cli/output.h"
#include "commands/batch_list.h"
#include "commands/commands.h"
#include "commands/deployment_steps.h"
#include "commands/get.h"
#include "mifeng/base/bounds.h"
#include "mifeng/client/answer.h"

namespace mifeng::cli {
namespace {

using client::list_of;
using client::member_of;

constexpr auto kLookAgain = std::chrono::seconds(1);

struct PlanOptions {
  BatchFlags what;
  std::string format;
};
struct ApplyOptions {
  BatchFlags what;
  std::vector<std::string> without;
  bool without_refused = false;
  std::int64_t wait_seconds = 0;
  std::string format;
};
struct BatchOptions {
  std::string id, format;
  std::int64_t wait_seconds = 0;
  bool yes = false;
  std::vector<std::string> items;  // numbers; none: all that failed
};

const std::vector<Column> kPlanColumns{
    {"ITEM", "number"},     {"NAME", "name"},     {"MODEL", "model"}, {"VERSION", "version"},
    {"CLUSTER", "cluster"}, {"ACTION", "action"}, {"PORT", "port"},   {"PREFIX", "prefix", Shown::kWide},
    {"PROBLEM", "said"}};
const std::vector<Column> kItemColumns{{"ITEM", "number"},   {"NAME", "name"},   {"CLUSTER", "cluster", Shown::kWide},
                                       {"ACTION", "action"}, {"STATE", "state"}, {"DEPLOYMENT", "deployment_id"},
                                       {"REASON", "said"}};
const std::vector<Column> kNoColumns{};

bool is_table(const std::string& format) { return format == "table" || format == "wide"; }

std::int64_t number_at(const json::Value& object, const char* outer, const char* name) {
  const json::Value* inner = member_of(object, outer);
  const json::Value* value = inner == nullptr ? nullptr : member_of(*inner, name);
  return value == nullptr || value->if_int64() == nullptr ? 0 : *value->if_int64();
}

// A refusal in the language of this process, by its code.
std::string said(const std::string& code, const std::string& message) {
  return code.empty() ? "" : tr_reason(code, message);
}

// What a table shows of an item of a plan or a batch.
json::Value row_of(const json::Value& item) {
  json::Object row;
  for (const char* name : {"number", "model", "version", "state", "deployment_id"})
    if (const json::Value* value = member_of(item, name)) row.set(name, *value);
  row.set("action", tr_word(text_of(item, "action")));
  if (const json::Value* request = member_of(item, "request")) {
    row.set("name", text_of(*request, "name"));
    row.set("cluster", text_of(*request, "cluster"));
    if (const json::Value* route = member_of(*request, "route")) row.set("prefix", text_of(*route, "prefix"));
  }
  std::string ports;
  for (const json::Value& port : list_of(item, "ports"))
    ports += (ports.empty() ? "" : " ") + text_of(port, "node_port");
  row.set("port", ports);
  std::string text = said(text_of(item, "code"), text_of(item, "message"));
  for (const json::Value& refusal : list_of(item, "refusals"))
    text += (text.empty() ? "" : "; ") + said(text_of(refusal, "code"), text_of(refusal, "message")) + " (" +
            tr_phrase(text_of(refusal, "remedy")) + ")";
  for (const json::Value& warning : list_of(item, "warnings"))
    if (warning.if_string() != nullptr) text += (text.empty() ? "" : "; ") + tr_phrase(*warning.if_string());
  row.set("said", text);
  return row;
}

Result<void> print_items(Console& console, const json::Value& whole, const std::string& format,
                         const std::vector<Column>& columns) {
  if (!is_table(format)) return print_objects(console, whole, format, kNoColumns);
  json::Array rows;
  for (const json::Value& item : list_of(whole, "items")) rows.push_back(row_of(item));
  const json::Value list = std::move(rows);
  return print_objects(console, list, format, columns);
}

Result<void> print_plan(Console& console, const json::Value& plan, const std::string& format) {
  MIFENG_CHECK(print_items(console, plan, format, kPlanColumns));
  const auto total = [&](const char* name) { return std::to_string(number_at(plan, "totals", name)); };
  console.message(
      say("{}: {} new, {} to be updated, {} as they are, {} refused; {} node ports.",
          {text_of(plan, "id"), total("create"), total("update"), total("none"), total("refused"), total("ports")}));
  return ok();
}

std::string counts_of(const json::Value& batch) {
  const auto count = [&](const char* name) { return std::to_string(number_at(batch, "counts", name)); };
  return say("{}: {} ready, {} on their way, {} waiting, {} failed, {} cancelled, {} rolled back.",
             {text_of(batch, "id"), count("ready"), count("working"), count("waiting"), count("failed"),
              count("cancelled"), count("rolled_back")});
}

std::string path_of(const std::string& id) { return "/batches/" + net::percent_encode(id); }

// Until nothing of it waits or works; kTimeout "not-ready".
Result<json::Value> wait_done(const PlatformClient& client, json::Value batch, std::int64_t seconds, Console& console) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  const std::string id = text_of(batch, "id");
  const auto all = static_cast<std::uint64_t>(list_of(batch, "items").size());
  while (text_of(batch, "state") != "done") {
    const auto open = number_at(batch, "counts", "waiting") + number_at(batch, "counts", "working");
    console.progress(id, all - std::min(all, static_cast<std::uint64_t>(open)), all);
    if (std::chrono::steady_clock::now() >= deadline) {
      console.progress_end();
      return Error(ErrorCode::kTimeout, "not-ready",
                   say("After {} s the batch goes on: {}", {std::to_string(seconds), counts_of(batch)}));
    }
    std::this_thread::sleep_for(kLookAgain);
    MIFENG_TRY(batch, client.get(path_of(id)));
  }
  console.progress_end();
  return batch;
}

Result<int> show(const PlatformClient& client, json::Value batch, const std::string& format, std::int64_t wait_seconds,
                 Console& console) {
  if (wait_seconds > 0) {
    MIFENG_TRY(batch, wait_done(client, std::move(batch), wait_seconds, console));
  }
  MIFENG_CHECK(print_items(console, batch, format, kItemColumns));
  console.message(counts_of(batch));
  return number_at(batch, "counts", "failed") > 0 ? kExitPartOfBatchFailed : kExitOk;
}

Result<int> plan(const PlatformFlags& flags, const PlanOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(auto request, plan_request(client, options.what));
  const json::Value body = std::move(request);
  MIFENG_TRY(const auto plan, client.send("POST", "/batches/plans", body));
  MIFENG_CHECK(print_plan(console, plan, options.format));
  if (number_at(plan, "totals", "refused") > 0) return kExitPartOfBatchFailed;
  console.message(say("To apply it: mifeng batch apply {}", {text_of(plan, "id")}));
  return kExitOk;
}

// Numbers, each by itself or several with commas.
Result<json::Array> numbers_of(const std::string& flag, const std::vector<std::string>& given) {
  json::Array numbers;
  for (const std::string& text : given)
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      const std::string word = text.substr(at, end - at);
      if (word.empty() || word.size() > 6 || word.find_first_not_of("0123456789") != std::string::npos)
        return Error(ErrorCode::kInvalidArgument, "usage",
                     say("{} takes numbers of items, such as 3,17, not {}.", {flag, text}));
      numbers.emplace_back(static_cast<std::int64_t>(std::stoi(word)));
      at = end + 1;
    }
  return numbers;
}

Result<int> apply(const PlatformFlags& flags, ApplyOptions options, Console& console) {
  MIFENG_TRY(auto without, numbers_of("--without", options.without));
  MIFENG_TRY(const auto client, connect(flags));
  json::Value plan;
  if (options.what.source.starts_with("bp-")) {
    MIFENG_TRY(plan, client.get("/batches/plans/" + net::percent_encode(options.what.source)));
  } else {
    MIFENG_TRY(auto request, plan_request(client, options.what));
    const json::Value body = std::move(request);
    MIFENG_TRY(plan, client.send("POST", "/batches/plans", body));
  }
  std::size_t left_out = without.size();
  for (const json::Value& item : list_of(plan, "items")) {
    if (!options.without_refused || list_of(item, "refusals").empty()) continue;
    console.warning(say("Item {} is left out: {}", {text_of(item, "number"), text_of(row_of(item), "said")}));
    if (const json::Value* number = member_of(item, "number")) without.push_back(*number);
    ++left_out;
  }
  json::Object body{{"plan", text_of(plan, "id")}};
  if (!without.empty()) body.set("without", std::move(without));
  const json::Value sent = std::move(body);
  auto batch = client.send("POST", "/batches", sent);
  if (!batch && batch.error().reason() == "plan-refuses") MIFENG_CHECK(print_plan(console, plan, "table"));
  if (!batch) return std::move(batch).error();
  if (options.wait_seconds > 0) console.message(say("Applying {}.", {text_of(*batch, "id")}));
  MIFENG_TRY(const int status, show(client, std::move(*batch), options.format, options.wait_seconds, console));
  return status == kExitOk && options.without_refused && left_out > 0 ? kExitPartOfBatchFailed : status;
}

using Act = std::function<Result<json::Value>(const PlatformClient&, const BatchOptions&)>;

Command add_act(Command& group, const std::string& name, const std::string& summary,
                const std::shared_ptr<BatchOptions>& options, Act act) {
  Command command = group.add(name, summary);
  auto flags = add_platform_flags(command, kLongTimeout);
  command.text("BATCH", options->id, "its id", Need::kRequired)
      .number("--wait", options->wait_seconds, 0, bounds::kWaitSecondsMax, "seconds to wait until all of it is done");
  add_output_flag(command, options->format);
  command.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*flags));
    MIFENG_TRY(auto batch, act(client, *options));
    return show(client, std::move(batch), options->format, options->wait_seconds, console);
  });
  return command;
}

Act sending(const std::string& what) {
  return [what](const PlatformClient& client, const BatchOptions& options) {
    return client.send("POST", path_of(options.id) + what);
  };
}

Result<json::Value> retry(const PlatformClient& client, const BatchOptions& options) {
  MIFENG_TRY(auto items, numbers_of("--items", options.items));
  if (items.empty()) return client.send("POST", path_of(options.id) + "/retry");
  const json::Value body = json::Object{{"items", std::move(items)}};
  return client.send("POST", path_of(options.id) + "/retry", body);
}

Result<json::Value> roll_back(const PlatformClient& client, const BatchOptions& options) {
  if (!options.yes) {
    MIFENG_TRY(const auto batch, client.get(path_of(options.id)));
    return Error(
        ErrorCode::kInvalidArgument, "not-confirmed",
        say("This removes what the batch made, and calls to that fail from then on; what it updated goes back. "
            "{} With --yes it is done.",
            {counts_of(batch)}));
  }
  const json::Value body = json::Object{{"confirm", options.id}};
  return client.send("POST", path_of(options.id) + "/rollback", body);
}

void add_plan(Command& group) {
  Command command = group.add("plan", "Show what would be deployed, with ports and what cannot be");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<PlanOptions>();
  add_batch_flags(command, options->what, "file with the list, YAML or JSON; - for standard input");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng batch plan list.yaml\n"
      "  mifeng batch plan --vendor acme --as {vendor}-{model} --route /{vendor}/{model}\n"
      "  mifeng batch plan --packages delivered/ --cluster ward -o yaml\n\n"
      "A list of deployments; what an item does not say is as the flags say:\n\n"
      "  - version: acme/digits@1.2.0\n"
      "    replicas: 2\n"
      "  - version: acme/letters@1.0.0\n"
      "    name: letters-ward-7\n"
      "    limits:\n"
      "      memory: 2Gi\n"
      "    route:\n"
      "      name: letters\n"
      "      prefix: /ward-7/letters\n\n"
      "Nothing is changed or reserved. An item whose name a deployment has already updates it. The plan is kept for "
      "half\nan hour; the exit status is 8 where an item is refused.");
  command.run([=](Console& console) { return plan(*flags, *options, console); });
}

void add_batch_apply(Command& group) {
  Command command = group.add("apply", "Deploy what a plan, a file, packages or a filter say");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<ApplyOptions>();
  add_batch_flags(command, options->what, "id of a plan, or file with the list");
  command.texts("--without", options->without, "numbers of items to leave out, such as 3,17")
      .flag("--without-refused", options->without_refused, "leave out what the plan refuses; the exit status is 8 then")
      .number("--wait", options->wait_seconds, 0, bounds::kWaitSecondsMax, "seconds to wait until all of it is done");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng batch apply bp-3f2a9c1d00aa11bb --wait 600\n"
      "  mifeng batch apply bp-3f2a9c1d00aa11bb --without 3,17\n"
      "  mifeng batch apply --vendor acme --route /{vendor}/{model} --without-refused --wait 600\n\n"
      "The platform goes on by itself, eight items at a time for each cluster, also when this command ends. The exit "
      "status\nis 8 where items have failed, 7 where --wait was too short.");
  command.run([=](Console& console) { return apply(*flags, *options, console); });
}

// "+ NAME: MODEL VERSION" of what would be new, "~ NAME: ..." of what would change and how.
Result<bool> print_differences(const json::Value& plan, Console& console) {
  std::string out;
  for (const json::Value& item : list_of(plan, "items")) {
    const std::string action = text_of(item, "action");
    const json::Value row = row_of(item);
    const std::string name = text_of(row, "name"), model = text_of(item, "model");
    const std::string what = model + " " + text_of(item, "version");
    const std::string revision = text_of(item, "from_revision");
    if (model.empty()) {  // nothing is known of what is not there
      out += "! " + name + "\n";
    } else if (action == "create") {
      out += "+ " + say("{}: {} in {}", {name, what, text_of(row, "cluster")}) + "\n";
    } else if (action == "update") {
      out += "~ " + (revision == "0" ? name + ": " + what : say("{}: {}, now revision {}", {name, what, revision})) +
             "\n" + shown_changes(item);
    }
    if (const std::string problem = text_of(row, "said"); !problem.empty()) out += "  ! " + problem + "\n";
  }
  MIFENG_CHECK(console.print(out));
  return !out.empty();
}

Result<int> diff(const PlatformFlags& flags, const PlanOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(auto request, plan_request(client, options.what));
  const json::Value body = std::move(request);
  MIFENG_TRY(const auto plan, client.send("POST", "/batches/plans", body));
  MIFENG_TRY(const bool differs, print_differences(plan, console));
  if (number_at(plan, "totals", "refused") > 0) return kExitPartOfBatchFailed;
  if (!differs) console.message(tr("Nothing differs."));
  return differs ? kExitDifferent : kExitOk;
}

}  // namespace

void add_apply(Command& root) {
  Command command = root.add("apply", "Deploy what a file says, or update what runs to it");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<ApplyOptions>();
  command
      .text("-f,--file", options->what.source, "file with the list, YAML or JSON; - for standard input",
            Need::kRequired)
      .number("--wait", options->wait_seconds, 0, bounds::kWaitSecondsMax, "seconds to wait until all of it is done");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng apply -f deployments.yaml --wait 600\n\n"
      "The file is a list as `mifeng batch plan --help` shows it. What stands in no list is left alone. The exit "
      "status is 8\n"
      "where items have failed.");
  command.run([=](Console& console) { return apply(*flags, *options, console); });
}

void add_diff(Command& root) {
  Command command = root.add("diff", "Show what `mifeng apply` would change");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<PlanOptions>();
  command
      .text("-f,--file", options->what.source, "file with the list, YAML or JSON; - for standard input",
            Need::kRequired)
      .examples(
          "  mifeng diff -f deployments.yaml\n\n"
          "+ is new, ~ changed, - gone, ! what is in the way. The exit status is 0 where nothing differs, 1 where\n"
          "something does, 8 where it cannot be applied.");
  command.run([=](Console& console) { return diff(*flags, *options, console); });
}

void add_batch(Command& root) {
  Command group = root.add("batch", "Many deployments at once: plan, apply, look, undo");
  group.alias("batches");
  add_plan(group);
  add_batch_apply(group);

  auto got = std::make_shared<BatchOptions>();
  add_act(group, "get", "How a batch goes, item by item", got,
          [](const PlatformClient& client, const BatchOptions& options) { return client.get(path_of(options.id)); })
      .examples("  mifeng batch get ba-3f2a9c1d00aa11bb\n  mifeng batch get ba-3f2a9c1d00aa11bb --wait 600");
  add_list(group, "batches", "All batches, the newest first", "  mifeng batch list");
  auto retried = std::make_shared<BatchOptions>();
  add_act(group, "retry", "Do again what failed", retried, retry)
      .texts("--items", retried->items, "numbers of items that failed, such as 3,17; else all that failed")
      .examples(
          "  mifeng batch retry ba-3f2a9c1d00aa11bb --wait 600\n  mifeng batch retry ba-3f2a9c1d00aa11bb --items 3");
  add_act(group, "cancel", "Leave what waits undone; what is worked on goes on", std::make_shared<BatchOptions>(),
          sending("/cancel"))
      .examples("  mifeng batch cancel ba-3f2a9c1d00aa11bb");
  auto undone = std::make_shared<BatchOptions>();
  add_act(group, "rollback", "Remove what a batch made, and put back what it updated", undone, roll_back)
      .flag("--yes", undone->yes, "do it, and not only say what it means")
      .examples("  mifeng batch rollback ba-3f2a9c1d00aa11bb --yes --wait 600");
  group.examples(
      "  mifeng batch plan --vendor acme --route /{vendor}/{model}\n"
      "  mifeng batch apply bp-3f2a9c1d00aa11bb --wait 600\n"
      "  mifeng batch retry ba-3f2a9c1d00aa11bb");
}

}  // namespace mifeng::cli
