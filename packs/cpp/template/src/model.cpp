// The entry of the model. `load` is called once before the first request; the working folder holds `files`.
#include <mifeng/model.h>

namespace model {

void load() {}

mifeng::Json predict(const mifeng::Json& request) {
  if (!request.is_object() || !request.contains("numbers") || !request["numbers"].is_array())
    throw mifeng::BadRequest("the request needs \"numbers\", a list of numbers");
  double sum = 0;
  for (const mifeng::Json& number : request["numbers"]) {
    if (!number.is_number()) throw mifeng::BadRequest("\"numbers\" holds something that is no number");
    sum += number.get<double>();
  }
  return {{"sum", sum}};
}

}  // namespace model
