#include "mifeng/proxy/key_socket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "mifeng/os/file.h"
#include "test_table.h"

namespace mifeng::proxy {
namespace {

Bytes payload(const Bytes& frame) { return Bytes(frame.begin() + 4, frame.end()); }

// The blocks "```hex NAME" of the page, white space and what stands behind a '#' left out.
std::map<std::string, Bytes> examples() {
  const std::string page = read_text_file(MIFENG_SOURCE_DIR "/spec/key-socket.md", 1 << 20).value();
  std::map<std::string, Bytes> blocks;
  const std::string mark = "```hex ";
  for (std::size_t at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1)) {
    const std::size_t line_end = page.find('\n', at);
    const std::size_t end = page.find("```", line_end);
    std::string hex;
    bool comment = false;
    for (const char c : page.substr(line_end, end - line_end)) {
      if (c == '#') comment = true;
      if (c == '\n') comment = false;
      if (!comment && c != ' ' && c != '\n') hex.push_back(c);
    }
    blocks[page.substr(at + mark.size(), line_end - at - mark.size())] = from_hex(hex).value();
  }
  return blocks;
}

UnwrapRequest an_unwrap() { return {5, "dep-1", to_bytes("context"), to_bytes("header")}; }
Counts some_counts() { return {{{"dep-1", "i-1", 3, 1, {{"bad-tag", 2}}}, {"", "", 0, 0, {{"unknown-prefix", 1}}}}}; }
Table a_table() {
  Table table = test_table();
  table.routes.resize(1);
  table.endpoints.resize(1);
  table.endpoints[0].addresses.resize(1);
  table.instances.resize(1);
  table.callers.resize(1);
  return table;
}
Unwrapped an_unwrapped() {
  Unwrapped message;
  message.id = 5;
  for (std::uint8_t i = 0; i < 16; ++i) message.root_key.reveal_for_writing()[i] = i;
  message.signer = point(1);
  return message;
}
SealKey a_seal_key() {
  SealKey message;
  message.id = 6;
  message.blocks = to_bytes("blocks");
  for (std::uint8_t i = 0; i < 16; ++i) message.root_key.reveal_for_writing()[i] = i;
  return message;
}

TEST(KeySocket, TheExamplesOfThePageAreWhatWeWrite) {
  const auto page = examples();
  const std::map<std::string, Bytes> ours = {
      {"hello", encode_frame(WorkerMessage(Hello{Role::kGateway, 4711}))},
      {"unwrap", encode_frame(WorkerMessage(an_unwrap()))},
      {"seal-key-request", encode_frame(WorkerMessage(SealKeyRequest{6}))},
      {"counts", encode_frame(WorkerMessage(some_counts()))},
      {"table-taken", encode_frame(WorkerMessage(TableTaken{7}))},
      {"drained", encode_frame(WorkerMessage(Drained{}))},
      {"table", encode_frame(KeyholderMessage(TablePush{a_table()}))},
      {"unwrapped", encode_frame(KeyholderMessage(an_unwrapped()))},
      {"refused", encode_frame(KeyholderMessage(Refused{5, "bad-signature"}))},
      {"seal-key", encode_frame(KeyholderMessage(a_seal_key()))},
      {"renew-seal-key", encode_frame(KeyholderMessage(RenewSealKey{}))},
      {"guard-state", encode_frame(KeyholderMessage(GuardState{true, false, true}))},
  };
  for (const auto& [name, bytes] : ours) {
    ASSERT_TRUE(page.contains(name)) << name;
    EXPECT_EQ(to_hex(page.at(name)), to_hex(bytes)) << name;
  }
  EXPECT_EQ(page.size(), ours.size());
}

TEST(KeySocket, EveryMessageReadsBack) {
  const auto unwrap = decode_worker_message(payload(encode_frame(WorkerMessage(an_unwrap())))).value();
  EXPECT_EQ(std::get<UnwrapRequest>(unwrap).context, an_unwrap().context);
  EXPECT_EQ(std::get<UnwrapRequest>(unwrap).header, an_unwrap().header);
  EXPECT_EQ(std::get<UnwrapRequest>(unwrap).deployment, "dep-1");
  const auto counts = decode_worker_message(payload(encode_frame(WorkerMessage(some_counts())))).value();
  EXPECT_EQ(std::get<Counts>(counts).rows, some_counts().rows);
  const auto table = decode_keyholder_message(payload(encode_frame(KeyholderMessage(TablePush{test_table()})))).value();
  EXPECT_EQ(std::get<TablePush>(table).table, test_table());
  const auto unwrapped = decode_keyholder_message(payload(encode_frame(KeyholderMessage(an_unwrapped())))).value();
  EXPECT_EQ(std::get<Unwrapped>(unwrapped).root_key, an_unwrapped().root_key);
  EXPECT_EQ(std::get<Unwrapped>(unwrapped).signer, point(1));
  const auto key = decode_keyholder_message(payload(encode_frame(KeyholderMessage(a_seal_key())))).value();
  EXPECT_EQ(std::get<SealKey>(key).blocks, to_bytes("blocks"));
  EXPECT_EQ(std::get<SealKey>(key).seconds_max, 900u);
  const auto state =
      decode_keyholder_message(payload(encode_frame(KeyholderMessage(GuardState{false, true, false})))).value();
  EXPECT_TRUE(std::get<GuardState>(state).draining);
  EXPECT_FALSE(std::get<GuardState>(state).lame_duck);
  EXPECT_EQ(encode_table_frame(encode_table(test_table())), encode_frame(KeyholderMessage(TablePush{test_table()})));
}

TEST(KeySocket, RefusesEveryCutAndEveryTail) {
  const std::vector<Bytes> worker = {
      encode_frame(WorkerMessage(Hello{})),           encode_frame(WorkerMessage(an_unwrap())),
      encode_frame(WorkerMessage(SealKeyRequest{1})), encode_frame(WorkerMessage(some_counts())),
      encode_frame(WorkerMessage(TableTaken{7})),     encode_frame(WorkerMessage(Drained{}))};
  const std::vector<Bytes> keyholder = {
      encode_frame(KeyholderMessage(TablePush{a_table()})), encode_frame(KeyholderMessage(an_unwrapped())),
      encode_frame(KeyholderMessage(Refused{1, "x"})),      encode_frame(KeyholderMessage(a_seal_key())),
      encode_frame(KeyholderMessage(RenewSealKey{})),       encode_frame(KeyholderMessage(GuardState{}))};
  const auto check = [](const Bytes& frame, const auto& decode) {
    const Bytes whole = payload(frame);
    ASSERT_TRUE(decode(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode(ByteView(whole).first(size))) << size;
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(decode(longer));
  };
  for (const auto& frame : worker)
    check(frame, [](ByteView bytes) { return decode_worker_message(bytes).has_value(); });
  for (const auto& frame : keyholder)
    check(frame, [](ByteView bytes) { return decode_keyholder_message(bytes).has_value(); });
}

TEST(KeySocket, RefusesUnknownTypesVersionsAndFlags) {
  for (const std::string hex : {"00", "07", "11", "ff", "01010100001267", "01020300001267", "01020000001267", "0600"})
    EXPECT_FALSE(decode_worker_message(from_hex(hex).value())) << hex;
  for (const std::string hex : {"00", "01", "17", "1608", "16ff", "1500"})
    EXPECT_FALSE(decode_keyholder_message(from_hex(hex).value())) << hex;
  // A count that cannot be: nothing is allocated for it.
  EXPECT_FALSE(decode_worker_message(from_hex("04ffffffff").value()));
  EXPECT_FALSE(decode_worker_message(from_hex("0400000fff").value()));
}

TEST(KeySocket, AnEndpointIsOneOfTwoKinds) {
  Table table = a_table();
  table.endpoints[0].kind = EndpointKind::kBalanced;
  EXPECT_EQ(decode_table(encode_table(table)).value(), table);
  for (const int other : {0, 3, 255}) {
    table.endpoints[0].kind = static_cast<EndpointKind>(other);
    EXPECT_FALSE(decode_table(encode_table(table))) << other;
  }
}

TEST(KeySocket, LimitsOfARouteHaveBounds) {
  const auto reads_back = [](std::uint32_t per_minute, std::uint32_t at_once, std::uint32_t seconds) {
    Table table = a_table();
    table.routes[0].calls_per_minute = per_minute;
    table.routes[0].calls_at_once = at_once;
    table.routes[0].seconds_max = seconds;
    const auto read = decode_table(encode_table(table));
    return read && *read == table;
  };
  EXPECT_TRUE(reads_back(0, 0, 0));
  EXPECT_TRUE(reads_back(1, 0, 0));
  EXPECT_TRUE(reads_back(0, 0, 1));
  EXPECT_TRUE(reads_back(1'000'000, 10'000, 86'400));
  EXPECT_FALSE(reads_back(1'000'001, 10'000, 86'400));
  EXPECT_FALSE(reads_back(1'000'000, 10'001, 86'400));
  EXPECT_FALSE(reads_back(1'000'000, 10'000, 86'401));
}

TEST(FrameReader, TakesFramesFromPiecesOfEverySize) {
  Bytes stream = encode_frame(WorkerMessage(an_unwrap()));
  append(stream, encode_frame(WorkerMessage(SealKeyRequest{9})));
  append(stream, encode_frame(WorkerMessage(TableTaken{7})));
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader(kWorkerFrameMax);
    std::vector<std::size_t> types;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(ByteView(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (;;) {
        const ByteView frame = reader.next().value();
        if (frame.empty()) break;
        types.push_back(decode_worker_message(frame)->index());
      }
    }
    EXPECT_EQ(types, (std::vector<std::size_t>{1, 2, 4}));
  }
}

TEST(FrameReader, RefusesALengthThatNoFrameMayHave) {
  for (const std::string hex : {"00000000", "00000065", "ffffffff"}) {
    FrameReader reader(100);
    reader.feed(from_hex(hex).value());
    EXPECT_EQ(reader.next().error().reason(), "bad-frame") << hex;
  }
}

}  // namespace
}  // namespace mifeng::proxy
