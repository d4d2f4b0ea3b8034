// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "./CreatureModel.sol";
import "./InferOps.sol";

/// @title A creature that evolves: a model makes tomorrow's traits from today's and the weather, and mutates them by the seed of the block.
/// @notice Whoever proposes a block can influence the mutations: nothing of value should hang on them.
contract Creature {
    address public immutable model;
    /// @dev The contract with the opcodes: the precompile refuses models with random ops.
    address private immutable ops;

    /// @dev Eight traits and four numbers of the weather, packed, as the model takes them: one word.
    uint256[] private packed;
    uint256 public generation;

    event Evolved(uint256 indexed generation, bytes8 traits);

    constructor(address model_) {
        model = model_;
        ops = InferOps.deploy();
        packed.push(uint256(bytes32(hex"3232323232323200")));
    }

    function traits() public view returns (bytes8) {
        return bytes8(bytes32(packed[0]));
    }

    /// @param weather cold, heat, rain and food, 0 to 100 each
    function evolve(bytes4 weather) external returns (bytes8 next) {
        packed[0] = uint256(bytes32(bytes.concat(traits(), weather)));
        next = bytes8(CreatureModel.run(ops, model, packed));
        packed[0] = uint256(bytes32(next));
        emit Evolved(++generation, next);
    }
}
