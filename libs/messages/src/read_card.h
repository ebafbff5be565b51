// The card as an object inside another message.
#pragma once

#include <optional>
#include <string>

#include "fields.h"
#include "mifeng/messages/card.h"

namespace mifeng::messages {

json::Object card_object(const PlatformCard& card);

// Reads at once; take() after the finish() of the Fields that it was given, or of those that these are inside of.
class CardReader {
 public:
  explicit CardReader(json::Fields fields);
  PlatformCard take();

 private:
  Reader reader_;
  std::string platform_;
  std::optional<crypto::Sm2PublicKey> identity_;
  KeyStatement delivery_;
  std::optional<KeyStatement> output_;
};

}  // namespace mifeng::messages
