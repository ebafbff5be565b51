#include "mifeng/manifest/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>

#include "mifeng/base/beginning.h"
#include "mifeng/base/phrase.h"

namespace mifeng::manifest {
namespace {

// Leaves the parser; never leaves this file.
struct Refused {
  YamlMark mark;
  std::string sentence;
};

YamlMark to_mark(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

Error yaml_error(std::string_view name, const YamlMark& mark, std::string_view sentence) {
  return Error(ErrorCode::kInvalidArgument, "bad-yaml",
               std::string(name) + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": " +
                   std::string(sentence));
}

// What yaml-cpp says in words of its scanner: what a person may look for.
std::string in_our_words(const std::string& message) {
  namespace said = YAML::ErrorMsg;
  if (message == said::TAB_IN_INDENTATION)
    return phrase("a tab stands where spaces have to: YAML is indented by spaces");
  if (message == said::END_OF_MAP || message == said::END_OF_SEQ)
    return phrase(
        "this line does not belong to what stands above it: see its indentation, and whether a colon is missing");
  if (message == said::END_OF_MAP_FLOW || message == said::END_OF_SEQ_FLOW || message == said::FLOW_END)
    return phrase("a bracket is missing here, or one too many");
  if (message == said::MAP_KEY || message == said::MAP_VALUE)
    return phrase("a second \": \" in one line, or a wrong indentation; put a value that has a colon in quotes");
  if (message == said::BLOCK_ENTRY) return phrase("a list cannot begin here: see the indentation");
  if (message == said::UNKNOWN_TOKEN || message == said::CHAR_IN_SCALAR)
    return phrase("a value cannot begin with this character: put it in quotes");
  return message;
}

// Builds the tree. Nodes under construction lie on a stack and move into their parent when they end.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const YamlLimits& limits) : text_(text), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    YamlNode node;
    node.mark = to_mark(mark);
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{to_mark(mark), phrase("an alias (*name) is not allowed here; write the value out")};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.quoted = tag == "!";
    if (node.quoted) refuse_open_quote(mark);
    node.mark = to_mark(mark);
    node.scalar = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, YamlNode::Kind::kMapping);
  }
  void OnMapEnd() override { end(); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    throw Refused{to_mark(mark), phrase("an anchor (&name) is not allowed here")};
  }

  YamlNode take_root() { return std::exchange(root_, {}); }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlField> field;  // of a mapping: the key that waits for its value
    std::set<std::string, std::less<>> keys;
  };

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) throw Refused{to_mark(mark), phrase("an anchor (&name) is not allowed here")};
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refused{to_mark(mark), phrase("a tag (!name) is not allowed here")};
  }

  // yaml-cpp 0.7 takes the end of the text for the end of a quoted string; so we look for the quote ourselves.
  void refuse_open_quote(const YAML::Mark& mark) {
    const auto begin = static_cast<std::size_t>(mark.pos);
    if (begin >= text_.size() || (text_[begin] != '"' && text_[begin] != '\'')) return;  // a block scalar
    const char quote = text_[begin];
    for (std::size_t i = begin + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != quote) return;
        ++i;
      }
    }
    throw Refused{to_mark(mark), phrase("the quote that begins here never ends")};
  }

  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (static_cast<int>(open_.size()) >= limits_.depth)
      throw Refused{to_mark(mark), phrase("more than {} levels", limits_.depth)};
    Open open;
    open.node.kind = kind;
    open.node.mark = to_mark(mark);
    open_.push_back(std::move(open));
  }
  void end() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (++nodes_ > limits_.nodes) throw Refused{node.mark, phrase("more than {} values", limits_.nodes)};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.field) {
      if (node.kind != YamlNode::Kind::kScalar) throw Refused{node.mark, phrase("a key has to be a plain word")};
      if (node.scalar == "<<" && !node.quoted)
        throw Refused{node.mark, phrase("a merge key (<<) is not allowed here; write the fields out")};
      if (!parent.keys.insert(node.scalar).second)
        throw Refused{node.mark, phrase("the key \"{}\" stands here a second time", beginning_of(node.scalar, 80))};
      parent.field = YamlField{std::move(node.scalar), node.mark, {}};
    } else {
      parent.field->value = std::move(node);
      parent.node.fields.push_back(std::move(*parent.field));
      parent.field.reset();
    }
  }

  std::string_view text_;
  const YamlLimits& limits_;
  std::vector<Open> open_;
  YamlNode root_;
  std::size_t nodes_ = 0;
};

// Refuses a second document, at its mark.
class SecondDocument final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { refuse(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    refuse(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    refuse(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    refuse(mark);
  }
  void OnMapEnd() override {}

 private:
  [[noreturn]] void refuse(const YAML::Mark& mark) {
    throw Refused{to_mark(mark), phrase("a second document begins here; one file holds one")};
  }
};

// Where the bytes stop being UTF-8 (RFC 3629) or hold a control character other than tab and line ends.
std::optional<YamlMark> find_bad_byte(std::string_view text) {
  YamlMark mark;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    std::size_t length = 1;
    if (byte >= 0x80) {
      std::uint32_t code = 0;
      if (byte >= 0xc2 && byte <= 0xdf) {
        length = 2;
        code = byte & 0x1fU;
      } else if (byte >= 0xe0 && byte <= 0xef) {
        length = 3;
        code = byte & 0x0fU;
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        length = 4;
        code = byte & 0x07U;
      } else {
        return mark;
      }
      if (i + length > text.size()) return mark;
      for (std::size_t k = 1; k < length; ++k) {
        const auto next = static_cast<unsigned char>(text[i + k]);
        if ((next & 0xc0U) != 0x80U) return mark;
        code = code << 6 | (next & 0x3fU);
      }
      const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
      if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return mark;
    } else if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
      return mark;
    }
    if (byte == '\n') {
      ++mark.line;
      mark.column = 1;
    } else {
      mark.column += static_cast<int>(length);
    }
    i += length;
  }
  return std::nullopt;
}

// Calls `read` with a parser of the text; what it and yaml-cpp throw becomes an error.
template <typename Read>
auto reading(std::string_view text, std::string_view name, const YamlLimits& limits, const Read& read)
    -> decltype(read(std::declval<YAML::Parser&>(), std::declval<TreeBuilder&>())) {
  if (text.size() > limits.bytes) return yaml_error(name, {}, phrase("the file is larger than {} bytes", limits.bytes));
  if (const auto bad = find_bad_byte(text))
    return yaml_error(name, *bad, phrase("a byte that is not UTF-8 text; save the file as UTF-8"));
  // A byte order mark is allowed and would shift the places.
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder tree(text, limits);
    return read(parser, tree);
  } catch (const Refused& refused) {
    return yaml_error(name, refused.mark, refused.sentence);
  } catch (const YAML::Exception& error) {
    return yaml_error(name, error.mark.is_null() ? YamlMark{} : to_mark(error.mark), in_our_words(error.msg));
  } catch (const std::exception& error) {
    return yaml_error(name, {}, error.what());
  }
}

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text, std::string_view name, const YamlLimits& limits) {
  return reading(text, name, limits, [&](YAML::Parser& parser, TreeBuilder& tree) -> Result<YamlNode> {
    if (!parser.HandleNextDocument(tree)) return yaml_error(name, {}, phrase("the file is empty"));
    YamlNode root = tree.take_root();
    SecondDocument second;
    if (parser.HandleNextDocument(second)) return yaml_error(name, {}, phrase("the file holds more than one document"));
    return root;
  });
}

Result<std::vector<YamlNode>> parse_yaml_documents(std::string_view text, std::string_view name,
                                                   const YamlLimits& limits) {
  return reading(text, name, limits, [&](YAML::Parser& parser, TreeBuilder& tree) -> Result<std::vector<YamlNode>> {
    std::vector<YamlNode> documents;
    while (parser.HandleNextDocument(tree)) {
      YamlNode root = tree.take_root();
      if (root.kind != YamlNode::Kind::kNull) documents.push_back(std::move(root));
    }
    return documents;
  });
}

std::string yaml_string(std::string_view text) {
  // Plain only where no reader of YAML 1.1 or 1.2 could take it for something else.
  bool plain = !text.empty() && text.size() <= 200;
  bool letter = false;
  for (const char c : text) {
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    letter = letter || alpha;
    plain = plain &&
            (alpha || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/' || c == '@' || c == ':');
  }
  if (plain) {
    const char first = text.front();
    const bool starts_well = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '/';
    std::string lower;
    for (const char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    static const std::set<std::string, std::less<>> kWords{"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    plain = starts_well && letter && text.back() != ':' && !kWords.contains(lower);
  }
  if (plain) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      static const char* const kHex = "0123456789abcdef";
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace mifeng::manifest
