#include "inference.h"

namespace mifeng::server {
namespace {

constexpr std::size_t kElementsMax = 16 << 20;
constexpr std::size_t kRankMax = 8;

// The next elements of `flat`, nested as `shape` from `axis` on says.
Json nest(const Json& flat, std::size_t& at, const std::vector<std::size_t>& shape, std::size_t axis) {
  if (axis == shape.size()) return flat[at++];
  Json list = Json::array();
  for (std::size_t i = 0; i < shape[axis]; ++i) list.push_back(nest(flat, at, shape, axis + 1));
  return list;
}

void flatten(const Json& value, Json& flat) {
  if (value.is_array()) {
    for (const Json& item : value) flatten(item, flat);
  } else {
    flat.push_back(value);
  }
}

bool fits(const Json& value, const std::vector<std::size_t>& shape, std::size_t axis) {
  if (axis == shape.size()) return !value.is_array();
  if (!value.is_array() || value.size() != shape[axis]) return false;
  for (const Json& item : value)
    if (!fits(item, shape, axis + 1)) return false;
  return true;
}

const char* datatype_of(const Json& flat) {
  bool boolean = true, integer = true, number = true;
  for (const Json& value : flat) {
    boolean = boolean && value.is_boolean();
    integer = integer && value.is_number_integer();
    number = number && value.is_number();
  }
  if (flat.empty()) return "FP64";
  return boolean ? "BOOL" : integer ? "INT64" : number ? "FP64" : "BYTES";
}

Json to_tensor(const std::string& name, const Json& value) {
  std::vector<std::size_t> shape;
  for (const Json* level = &value; level->is_array(); level = &(*level)[0]) {
    shape.push_back(level->size());
    if (level->empty()) break;
  }
  Json flat = Json::array();
  if (!fits(value, shape, 0)) {  // lists of unequal length: one text
    return {{"name", name}, {"shape", {1}}, {"datatype", "BYTES"}, {"data", {value.dump()}}};
  }
  flatten(value, flat);
  if (shape.empty()) shape.push_back(1);
  const std::string datatype = datatype_of(flat);
  if (datatype == "BYTES")
    for (Json& item : flat)
      if (!item.is_string()) item = item.dump();
  return {{"name", name}, {"shape", shape}, {"datatype", datatype}, {"data", flat}};
}

}  // namespace

Json request_from_tensors(const Json& body) {
  if (!body.is_object() || !body.contains("inputs") || !body["inputs"].is_array() || body["inputs"].empty())
    throw BadRequest("\"inputs\" must be a list of tensors");
  Json request = Json::object();
  for (const Json& tensor : body["inputs"]) {
    if (!tensor.is_object() || !tensor.contains("name") || !tensor["name"].is_string() || !tensor.contains("data") ||
        !tensor["data"].is_array() || !tensor.contains("shape") || !tensor["shape"].is_array())
      throw BadRequest("each tensor needs \"name\", \"shape\" and \"data\"");
    const std::string name = tensor["name"];
    std::vector<std::size_t> shape;
    std::size_t elements = 1;
    for (const Json& size : tensor["shape"]) {
      if (!size.is_number_unsigned() || size.get<std::size_t>() > kElementsMax || shape.size() == kRankMax)
        throw BadRequest("the shape of \"" + name + "\" is not a list of at most 8 sizes");
      shape.push_back(size);
      elements *= shape.back();
      if (elements > kElementsMax) throw BadRequest("the tensor \"" + name + "\" is too large");
    }
    Json flat = Json::array();
    flatten(tensor["data"], flat);
    if (flat.size() != elements) throw BadRequest("the data of \"" + name + "\" does not fill its shape");
    if (request.contains(name)) throw BadRequest("the tensor \"" + name + "\" is there twice");
    std::size_t at = 0;
    request[name] = nest(flat, at, shape, 0);
  }
  return request;
}

Json answer_to_tensors(const Json& answer, const Json& body, const std::string& model, const std::string& version) {
  Json outputs = Json::array();
  if (answer.is_object()) {
    for (const auto& [name, value] : answer.items()) outputs.push_back(to_tensor(name, value));
  } else {
    outputs.push_back(to_tensor("output", answer));
  }
  Json result = {{"model_name", model}, {"model_version", version}, {"outputs", outputs}};
  if (body.contains("id") && body["id"].is_string()) result["id"] = body["id"];
  return result;
}

}  // namespace mifeng::server
