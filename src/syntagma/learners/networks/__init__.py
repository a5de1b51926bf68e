"""Networks: each is a recipe (a `NetworkLearner`) and the module it makes."""
