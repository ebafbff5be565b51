#include "mifeng/base/listed.h"

#include <gtest/gtest.h>

#include <vector>

namespace mifeng {
namespace {

enum class Colour { kRed, kGreen };

MIFENG_LISTED(Row, text(id),  // a comment is no member
              number(size), absent(slot), number(enabled), word(Colour, colour), text(secret), text(roles));
MIFENG_LISTED(Shown, text(id), of(std::vector<std::string>, roles), flag(enabled), word(Colour, colour), of(int, size),
              text(fingerprint));

TEST(Listed, HasItsMembersWithTheirFirstValuesInOrder) {
  const Row row;
  EXPECT_EQ(kMembers<Row>, 7u);
  EXPECT_EQ(members_of(row), std::make_tuple("", 0, -1, 0, Colour::kRed, "", ""));
  EXPECT_STREQ(Row::member_names[2], "slot");
  static_assert(member_index<Row>("colour") == 4 && member_index<Row>("none") == kMembers<Row>);
}

TEST(Listed, IsMadeOfAnotherByName) {
  const Row row{.id = "a", .size = 7, .enabled = 1, .colour = Colour::kGreen, .secret = "s", .roles = "x y"};
  const Shown shown = made_of<Shown, "roles", "fingerprint">(row);
  EXPECT_EQ(members_of(shown), std::make_tuple("a", std::vector<std::string>{}, true, Colour::kGreen, 7, ""));
}

TEST(Listed, IsGoneThroughInOrder) {
  std::string seen;
  for_each_member(Row{.id = "a"}, [&](std::string_view name, const auto&) { seen += std::string(name) + " "; });
  EXPECT_EQ(seen, "id size slot enabled colour secret roles ");
}

}  // namespace
}  // namespace mifeng
