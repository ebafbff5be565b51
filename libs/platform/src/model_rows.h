// Model information as it stands in the table.
#pragma once

#include "mifeng/platform/model_service.h"
#include "mifeng/store/models.h"

namespace mifeng::platform {

Result<ModelVersion> model_of(store::Transaction& tx, const store::ModelRow& row);

}  // namespace mifeng::platform
