// Archives of other tools: what they hold is seen, and what two readers may understand differently is refused.
#include "foreign_tar.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "foreign_tar_blocks.h"
#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

// "path", "path/", "path -> target", "path => target", each entry; at last what it was refused with.
std::vector<std::string> read(std::string_view tar, std::size_t piece = 1 << 20) {
  std::vector<std::string> out;
  ForeignTar reader([&](const ForeignEntry& entry) {
    using Type = ForeignEntry::Type;
    out.push_back(entry.path + (entry.type == Type::kSymlink    ? " -> " + entry.link_target
                                : entry.type == Type::kHardLink ? " => " + entry.link_target
                                : entry.type == Type::kOther    ? " (other)"
                                                                : ""));
    if (entry.type == Type::kDirectory && !entry.path.ends_with('/')) out.back() += "/";
    return ok();
  });
  Result<void> done = ok();
  for (std::size_t at = 0; at < tar.size() && done; at += piece) done = reader.feed(as_bytes(tar.substr(at, piece)));
  if (done) done = reader.finish();
  if (!done) out.push_back("refused: " + std::string(done.error().message()));
  return out;
}
std::string refusal(std::string_view tar) {
  const auto lines = read(tar);
  return lines.empty() || !lines.back().starts_with("refused: ") ? "" : lines.back();
}

TEST(ForeignTar, WhatGnuTarWritesInEachOfItsFormats) {
  const TempDir dir = *TempDir::create("/tmp");
  const std::string deep = std::string(90, 'a') + "/" + std::string(90, 'b');
  fs::create_directories(dir.path() / "tree" / deep);
  fs::create_directory(dir.path() / "tree/empty");
  std::ofstream(dir.path() / "tree/file") << std::string(700, 'x');
  std::ofstream(dir.path() / "tree" / deep / "in") << "";
  fs::create_symlink("file", dir.path() / "tree/link");
  fs::create_symlink(std::string(150, 't'), dir.path() / "tree/long");
  fs::create_hard_link(dir.path() / "tree/file", dir.path() / "tree/same");
  const std::string a(90, 'a');
  for (const std::string format : {"gnu", "oldgnu", "pax", "ustar", "v7"}) {
    SCOPED_TRACE(format);
    ChildOptions tar;
    tar.argv = {"tar",
                "-C",
                (dir.path() / "tree").string(),
                "--sort=name",
                "--format=" + format,
                "-b",
                "1",
                "-cf",
                (dir.path() / "x.tar").string(),
                "file",
                "link",
                "same",
                "empty"};
    const bool long_names = format != "v7" && format != "ustar";
    if (format != "v7") tar.argv.push_back(a);
    if (long_names) tar.argv.push_back("long");
    const auto done = run_command(tar, std::chrono::seconds(20));
    ASSERT_TRUE(done && done->exit.success()) << done->output;
    const std::string text = *read_text_file(dir.path() / "x.tar", 1 << 20);
    std::vector<std::string> wanted{"file", "link -> file", "same => file", "empty/"};
    if (format != "v7") wanted.insert(wanted.end(), {a + "/", deep + "/", deep + "/in"});
    if (long_names) wanted.push_back("long -> " + std::string(150, 't'));
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{1}, std::size_t{513}})
      EXPECT_EQ(read(text, piece), wanted);
    // Cut anywhere but between two entries it is refused.
    int whole = 0;
    for (std::size_t size = 0; size < text.size() - 1024; size += 100) whole += refusal(text.substr(0, size)).empty();
    EXPECT_LE(whole, 2);
  }
}

TEST(ForeignTar, NamesInTheirSeveralPlaces) {
  EXPECT_THAT(read(tar_block({.name = "b", .prefix = "a"}) + tar_end()), ElementsAre("a/b"));
  // GNU has times there; the oldest format nothing.
  EXPECT_THAT(read(tar_block({.name = "b", .magic = std::string("ustar  \0", 8), .prefix = "00000000001"})),
              ElementsAre("b"));
  EXPECT_THAT(read(tar_block({.name = "b", .magic = std::string(8, '\0'), .prefix = "a"})), ElementsAre("b"));
  const auto pax = [](std::string content) { return tar_block({.name = "pax", .type = 'x', .content = content}); };
  const std::string file = tar_block({.name = "short", .type = '2', .link = "x"});
  EXPECT_THAT(read(pax(pax_record("path", "long") + pax_record("linkpath", "far")) + file), ElementsAre("long -> far"));
  EXPECT_THAT(read(pax(pax_record("path", "one") + pax_record("path", "two")) + file), ElementsAre("two -> x"));
  EXPECT_THAT(read(pax(pax_record("path", "")) + file), ElementsAre("short -> x")) << "the header's own";
  EXPECT_THAT(read(pax(pax_record("path", "one")) + file + file), ElementsAre("one -> x", "short -> x"));
  // The size of a record is what counts: what it covers is no header.
  const std::string hidden = tar_block({.name = "hidden"});
  EXPECT_THAT(read(pax(pax_record("size", "512")) + tar_block({.name = "f"}) + hidden), ElementsAre("f"));
  const std::string global = tar_block({.name = "g", .type = 'g', .content = pax_record("comment", "a commit")});
  EXPECT_THAT(read(global + file), ElementsAre("short -> x"));
  EXPECT_THAT(read(tar_block({.name = "old/", .type = '\0'}) + tar_block({.name = "dev", .type = '3'})),
              ElementsAre("old/", "dev (other)"));
  // Base 256, as GNU writes what octal digits cannot say.
  std::string size(12, '\0');
  size[0] = '\x80';
  size[10] = 2;
  EXPECT_THAT(read(tar_block({.name = "f", .size = size}) + hidden), ElementsAre("f"));
}

TEST(ForeignTar, WhatReadersMayUnderstandDifferentlyIsRefused) {
  const std::string file = tar_block({.name = "f"});
  const auto with = [&](char type, const std::string& content) {
    return tar_block({.name = "x", .type = type, .content = content});
  };
  const std::string path = pax_record("path", "p");
  const struct {
    std::string tar;
    const char* words;
  } cases[] = {
      {with('x', pax_record("GNU.sparse.name", "p")) + file, "sparse"},
      {with('x', pax_record("GNU.sparse.major", "1")) + file, "sparse"},
      {with('S', ""), "type"},
      {with('V', ""), "type"},
      {with('g', path) + file, "global"},
      {with('g', pax_record("size", "1")) + file, "global"},
      {with('L', std::string("n\0", 2)) + with('g', pax_record("comment", "c")) + file, "belong together"},
      {with('x', path) + with('g', pax_record("comment", "c")) + file, "belong together"},
      {with('x', path) + with('x', path) + file, "belong together"},
      {with('L', "n") + with('L', "n") + file, "belong together"},
      {with('L', "n") + with('x', path) + file, "two long names"},
      {with('K', "n") + with('x', pax_record("linkpath", "p")) + file, "two long names"},
      {with('x', pax_record("path", std::string("a\0b", 3))) + file, "malformed"},
      {with('x', "8 path=p\n") + file, "malformed"},
      {with('x', "99 path=p\n") + file, "malformed"},
      {with('x', "10 =valuex\n") + file, "malformed"},
      {with('x', pax_record("size", "-1")) + file, "malformed"},
      {with('x', pax_record("size", "99999999999999999999")) + file, "malformed"},
      {with('x', path) + tar_end(), "has to follow"},
      {with('x', path), "middle"},
      {with('x', "") + file, "empty"},
      {with('L', std::string(5000, 'n')) + file, "4096"},
      {with('x', pax_record("path", std::string(5000, 'n'))) + file, "4096"},
      {tar_block({.name = "d/", .type = '5', .content = "content"}), "has content"},
      {tar_block({.name = "h", .type = '1', .link = "f", .content = "content"}), "has content"},
      {with('x', pax_record("size", "1")) + tar_block({.name = "h", .type = '2', .link = "f"}), "has content"},
      {tar_block({.name = "d/"}), "folder's"},
      {tar_block({.name = ""}), "without a name"},
      {tar_block({.name = "f", .size = "0000000000x"}), "size"},
      {tar_block({.name = "f", .size = "77777777777777"}).replace(136, 2, 2, '\0'), "checksum"},
      {tar_block({.name = "f", .size = std::string(12, '\xff')}), "size"},
      {tar_block({.name = "f", .magic = std::string("ustar  \0", 8), .prefix = "a/part"}), "times"},
      {file + std::string(512, '\0') + file, "one zero block"},
      {file + tar_end() + file, "follows its end"},
      {file.substr(0, 511), "middle"},
  };
  for (const auto& one : cases) EXPECT_THAT(refusal(one.tar), HasSubstr(one.words));
  std::string star = tar_block({.name = "f", .prefix = std::string(163, 'p') + std::string("tar\0", 4)});
  EXPECT_THAT(refusal(star), HasSubstr("STAR"));
  for (std::size_t at = 0; at < 500; at += 7) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    EXPECT_THAT(refusal(changed), HasSubstr("checksum")) << at;
  }
  EXPECT_EQ(refusal(file + tar_end() + std::string(9000, '\0')), "");
  EXPECT_EQ(refusal(""), "");
}

}  // namespace
}  // namespace mifeng::package
