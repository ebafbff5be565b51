// Model information as it stands in the table.
#pragma once

#include "mifeng/models/model_service.h"
#include "mifeng/store/models.h"

namespace mifeng::models {

Result<ModelVersion> model_of(store::Transaction& tx, const store::ModelRow& row);

}  // namespace mifeng::models
