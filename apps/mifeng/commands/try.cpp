// mifeng try
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/call_data.h"
#include "commands/commands.h"
#include "mifeng/base/bounds.h"

namespace mifeng::cli {
namespace {

struct TryOptions {
  std::string name, path, data, type = "application/json", unit, format = "answer";
  bool straight = false, raw = false;
  std::int64_t seconds = 30;
};

std::int64_t number_of(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || value->if_int64() == nullptr ? 0 : *value->if_int64();
}

const json::Object* part_of(const json::Object& trial, std::string_view name) {
  const json::Value* value = trial.find(name);
  return value == nullptr ? nullptr : value->if_object();
}

// A route begins with a slash, and goes through the gateway unless it is to go straight to a unit.
Result<json::Object> request_of(const PlatformClient& client, const TryOptions& options) {
  const bool is_route = options.name.starts_with('/');
  json::Object body{{"way", is_route && !options.straight ? "gateway" : "unit"},
                    {"method", options.data.empty() ? "GET" : "POST"},
                    {"path", options.path},
                    {"timeout_seconds", options.seconds}};
  if (is_route) {
    MIFENG_TRY(const auto route, find_route(client, options.name));
    body.set("route_id", route);
  } else {
    MIFENG_TRY(const auto deployment, find_deployment(client, options.name));
    body.set("deployment_id", deployment);
  }
  if (!options.unit.empty()) body.set("unit", options.unit);
  if (options.data.empty()) return body;
  MIFENG_TRY(const auto data, data_of(options.data, bounds::kTrialBodyMax));
  body.set("headers", json::Array{json::Object{{"name", "Content-Type"}, {"value", options.type}}});
  body.set("body_base64", to_base64(as_bytes(data)));
  return body;
}

std::string milliseconds(std::int64_t us) { return std::to_string(us / 1000) + "." + std::to_string(us / 100 % 10); }

void tell_way(const json::Object& trial, Console& console) {
  if (const json::Object* seal = part_of(trial, "seal"))
    console.message(say("sealed   {} bytes in {} segments, signed by instance {}",
                        {std::to_string(number_of(*seal, "size")), std::to_string(number_of(*seal, "segments")),
                         text_of(trial, "instance_id")}));
  if (const json::Object* times = part_of(trial, "times"))
    console.message(
        say("times    connected {} ms, first byte {} ms, whole {} ms, opening {} ms",
            {milliseconds(number_of(*times, "connected_us")), milliseconds(number_of(*times, "first_byte_us")),
             milliseconds(number_of(*times, "whole_us")), milliseconds(number_of(*times, "opening_us"))}));
}

Result<int> try_model(const PlatformFlags& flags, const TryOptions& options, Console& console) {
  if (options.raw) console.show_raw();
  // The platform says when a trial took too long: it is given the time to.
  PlatformFlags patient = flags;
  patient.timeout = options.seconds + kUsualTimeout;
  MIFENG_TRY(const auto client, connect(patient));
  MIFENG_TRY(auto request, request_of(client, options));
  const json::Value body = std::move(request);
  MIFENG_TRY(const auto answer, client.send("POST", "/trials", body));
  if (answer.if_object() == nullptr)
    return Error(ErrorCode::kUnavailable, "bad-answer", "The platform's answer is no trial.");
  if (options.format != "answer") {
    MIFENG_CHECK(print_objects(console, answer, options.format, {{"DEPLOYMENT", "deployment_id"}}, "deployment_id"));
    return 0;
  }
  const json::Object& trial = *answer.if_object();
  const json::Object* opened = part_of(trial, "opened");
  if (opened == nullptr) {
    const json::Object* refusal = part_of(trial, "refusal");
    const std::string reason = refusal == nullptr ? "" : text_of(*refusal, "reason");
    return Error(ErrorCode::kVerificationFailed, reason, refusal == nullptr ? "" : text_of(*refusal, "message"));
  }
  tell_way(trial, console);
  MIFENG_TRY(const Bytes plain, from_base64(text_of(*opened, "body_base64")));
  MIFENG_CHECK(console.write(plain));
  const std::int64_t status = number_of(*opened, "status");
  if (status < 400) return 0;
  console.message(say("The model answered {}.", {std::to_string(status)}));
  return 1;
}

}  // namespace

void add_try(Command& root) {
  Command command = root.add("try", "Send one request to a model as an operator, and see how its answer was sealed");
  auto flags = add_platform_flags(command, 0);
  auto options = std::make_shared<TryOptions>();
  command.text("NAME", options->name, "a route's access prefix, such as /digits, or a deployment", Need::kRequired)
      .text("PATH", options->path, "what follows the prefix, such as /predict; of a deployment the model's own path")
      .text("-d,--data", options->data, "what to send: @FILE, @- for standard input, or the text itself; else a GET")
      .text("--content-type", options->type, "of what is sent; default application/json")
      .flag("--straight", options->straight, "of a route: to a unit, past the gateway, so that the seal is seen")
      .text("--unit", options->unit, "of a deployment: its unit of this name; else any")
      .number("--timeout", options->seconds, 1, bounds::kTrialSecondsMax, "seconds for all of it")
      .flag("--raw", options->raw, "to a terminal too, as it was written: control sequences in it act there")
      .word("-o,--output", options->format, {"answer", "json", "yaml"},
            "the model's answer alone, or all that came back");
  command.examples(
      "  mifeng try /digits /predict -d @image.json    as a caller would\n"
      "  mifeng try digits /predict -d @image.json     straight to a unit, with the sealed answer's header: -o yaml");
  command.run([=](Console& console) { return try_model(*flags, *options, console); });
}

}  // namespace mifeng::cli
