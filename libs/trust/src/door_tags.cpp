#include "mifeng/trust/door_tags.h"

#include <algorithm>

#include "mifeng/store/grants.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng::trust {
namespace {

constexpr std::string_view kWhat = "mifeng/v1/door-tag";
constexpr std::size_t kHexSize = 2 * crypto::kSm3Size;

}  // namespace

Result<std::unique_ptr<DoorTags>> DoorTags::load_or_create(store::Database& db, const vault::Wrapper& wrapper,
                                                           const Clock& clock, Random& random) {
  const vault::WrapLabel label{.purpose = "door-tags", .public_key = {}};
  MIFENG_TRY(const auto wrapped, db.write([&](store::Transaction& tx) -> Result<std::string> {
    MIFENG_TRY(const auto row, store::find<store::WrappedSecretRow>(tx, label.purpose));
    if (row) return row->wrapped;
    SecretBytes fresh(crypto::kSm3Size);
    random.fill(fresh.reveal_for_writing());
    MIFENG_TRY(std::string made, wrapper.wrap(label, fresh));
    MIFENG_CHECK(store::insert(
        tx, store::WrappedSecretRow{.purpose = label.purpose, .wrapped = made, .created_ms = clock.now_ms()}));
    return made;
  }));
  MIFENG_TRY(const SecretBytes secret, wrapper.unwrap(label, wrapped));
  return std::unique_ptr<DoorTags>(new DoorTags(crypto::HmacSm3Key(secret.reveal_for_computing())));
}

std::string DoorTags::hex_of(std::string_view cluster, std::string_view deployment) const {
  crypto::HmacSm3 mac(key_);
  for (const std::string_view part : {kWhat, std::string_view("\n"), cluster, std::string_view("\n"), deployment})
    mac.update(as_bytes(part));
  return to_hex(mac.finish());
}

std::string DoorTags::make(const std::string& cluster, const std::string& deployment) const {
  return cluster + "." + hex_of(cluster, deployment);
}

std::optional<std::string> DoorTags::cluster_of(std::string_view tag, std::string_view deployment) const {
  if (tag.size() <= kHexSize + 1 || tag[tag.size() - kHexSize - 1] != '.') return std::nullopt;
  const std::string_view cluster = tag.substr(0, tag.size() - kHexSize - 1);
  // So that no two pairs of names are the same bytes.
  if (cluster.find('\n') != std::string_view::npos || deployment.find('\n') != std::string_view::npos)
    return std::nullopt;
  const std::string hex = hex_of(cluster, deployment);
  if (!equal_in_constant_time(as_bytes(hex), as_bytes(tag.substr(tag.size() - kHexSize)))) return std::nullopt;
  return std::string(cluster);
}

}  // namespace mifeng::trust
