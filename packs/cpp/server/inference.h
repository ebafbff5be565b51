// The Open Inference Protocol (V2) over a function of JSON: tensors become members of the request's object, members of
// the answer become tensors.
#pragma once

#include <mifeng/model.h>

#include <string>

namespace mifeng::server {

// {"inputs": [{"name", "shape", "datatype", "data"}]} to {name: nested lists}. Throws BadRequest.
Json request_from_tensors(const Json& body);
// {name: value} to the answer's "outputs"; a value that is no object is one output named "output". Rectangular lists
// get their shape, integers INT64, other numbers FP64, booleans BOOL, all else BYTES.
Json answer_to_tensors(const Json& answer, const Json& body, const std::string& model, const std::string& version);

}  // namespace mifeng::server
