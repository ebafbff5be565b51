// What a vendor's layers may not put under, or around, what a container mounts.
#include "image_tree.h"

#include <gmock/gmock.h>

namespace mifeng::package {
namespace {

using testing::HasSubstr;
using Type = ForeignEntry::Type;

// The first refusal of these entries, one layer or several.
std::string verdict(const std::vector<ForeignEntry>& entries, const std::vector<std::string>& mounts = {}) {
  ImageTree tree(mounts);
  for (const ForeignEntry& entry : entries)
    if (const auto added = tree.add(entry); !added) {
      EXPECT_EQ(added.error().reason(), "bad-package");
      return added.error().message();
    }
  return "";
}
ForeignEntry file(std::string path) { return {std::move(path), Type::kFile, {}}; }
ForeignEntry folder(std::string path) { return {std::move(path), Type::kDirectory, {}}; }
ForeignEntry link(std::string path, std::string target) { return {std::move(path), Type::kSymlink, std::move(target)}; }
ForeignEntry hard(std::string path, std::string target) {
  return {std::move(path), Type::kHardLink, std::move(target)};
}

TEST(ImageTree, AnOrdinaryImageIsTaken) {
  EXPECT_EQ(verdict({folder("./"),
                     folder("./app"),
                     folder("./tmp/"),
                     file("./tmp/left"),
                     link("./bin", "usr/bin"),
                     folder("./usr/bin/"),
                     file("./usr/bin/program"),
                     hard("./usr/bin/again", "./usr/bin/program"),
                     file("/usr/lib/.wh.gone"),
                     file("usr/lib/.wh..wh..opq"),
                     file(".wh..wh..opq"),
                     {"dev/null", Type::kOther, {}},
                     file("application"),
                     file("mifeng-tool"),
                     folder("data/x")},
                    {"/data/x", "/srv"}),
            "");
}

TEST(ImageTree, NothingStandsWhereSomethingIsMounted) {
  for (const char* path : {"app", "./app", "/app", "app/", "//app/.", "tmp", "mifeng", "data/x", "data"}) {
    for (ForeignEntry entry :
         {file(path), link(path, "usr"), hard(path, "usr/x"), ForeignEntry{path, Type::kOther, {}}})
      EXPECT_NE(verdict({entry}, {"/data/x"}), "") << path;
  }
  for (const char* path : {"mifeng", "mifeng/", "mifeng/start", "mifeng/payload/header", "./mifeng/x", "app/model",
                           "app/.wh.x", "mifeng/.wh..wh..opq", "/app/x"})
    for (ForeignEntry entry : {file(path), folder(path)}) EXPECT_NE(verdict({entry}), "") << path;
  for (const char* path : {".wh.app", ".wh.mifeng", "./.wh.tmp", "tmp/.wh..wh..opq", "app/.wh..wh..opq"})
    EXPECT_NE(verdict({file(path)}), "") << path;
  EXPECT_THAT(verdict({file("data/.wh.x")}, {"/data/x"}), HasSubstr("takes away"));
  EXPECT_THAT(verdict({file("a/../app")}), HasSubstr(".."));
  EXPECT_THAT(verdict({folder("..")}), HasSubstr(".."));
  EXPECT_THAT(verdict({file(".")}), HasSubstr("root"));
}

TEST(ImageTree, NothingStandsBehindALink) {
  EXPECT_THAT(verdict({link("x", "/mifeng"), file("x/start")}), HasSubstr("behind the link"));
  EXPECT_THAT(verdict({link("x", "mifeng/start"), folder("./x/deep/er")}), HasSubstr("behind the link"));
  EXPECT_THAT(verdict({link("a/x", "/"), link("a/x/y", "z")}), HasSubstr("behind the link"));
  EXPECT_THAT(verdict({link("x", "/"), file("x/.wh.mifeng")}), HasSubstr("behind the link"));
  // Another name of a link is a link; another name of what is behind one is not followed.
  EXPECT_THAT(verdict({link("x", "/"), hard("y", "x"), file("y/mifeng")}), HasSubstr("behind the link"));
  EXPECT_THAT(verdict({link("x", "d"), hard("y", "x/z")}), HasSubstr("plainly"));
  EXPECT_THAT(verdict({hard("y", "../x")}), HasSubstr("plainly"));
  // What replaces a link ends it, and a link replaces what stood there.
  EXPECT_EQ(verdict({link("x", "/mifeng"), folder("x"), file("x/start")}), "");
  EXPECT_THAT(verdict({folder("x"), file("x/a"), link("x", "/mifeng"), file("x/start")}), HasSubstr("behind the link"));
  EXPECT_THAT(verdict({link("x", "/"), file(".wh.x"), file("x/mifeng")}), HasSubstr("behind the link"));
  // A volume that the config mounts goes where its path says.
  EXPECT_THAT(verdict({link("data", "/mifeng/start")}, {"/data"}), HasSubstr("/data is mounted over"));
  EXPECT_THAT(verdict({link("var/run", "/run")}, {"/var/run/x"}), HasSubstr("mounted over"));
  EXPECT_EQ(verdict({link("var/run", "/run")}, {"/run/x"}), "");
}

TEST(ImageTree, LinksAreBounded) {
  ImageTree tree({});
  std::string refused;
  for (int i = 0; i < 600'000 && refused.empty(); ++i)
    if (const auto added = tree.add(link("l" + std::to_string(i), "x")); !added) refused = added.error().message();
  EXPECT_THAT(refused, HasSubstr("more links"));
}

}  // namespace
}  // namespace mifeng::package
