"""What PyTorch makes of a case of a model."""

import concise_rnn
from compare.check.cases.reference import torch_layer
from compare.parity import copy_weights
from tests.model_cases import build_model


def torch_model(case):
    layer = torch_layer(case.layer.options, case.layer.dtype, case.layer.cell)
    model = concise_rnn.RNNModel(layer, case.layer.V)
    copy_weights(build_model(case), model)
    return model
