// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "./Infer.sol";

/// @title The opcodes INFER and INFERARRAY for contracts in Solidity.
/// @notice For what the precompile of Infer.sol does not do: models with random ops, whose seed the chain gives, and inputs that stand in the
/// storage of the contract. The opcodes are in a contract of their own (InferOps.yul), which `deploy` makes.
library InferOps {
    /// @dev InferOps.yul by solc, optimized, for london; a test compiles it anew.
    bytes internal constant CODE = hex"602380600c6000396000f3fe6040356000818152602035813560603515601d57c1505b60051b6020f35bc050601656";

    error NotDeployed();

    /// @notice Makes the contract with the opcodes; keep its address.
    function deploy() internal returns (address ops) {
        bytes memory code = CODE;
        assembly {
            ops := create(0, add(code, 32), mload(code))
        }
        if (ops == address(0)) revert NotDeployed();
    }

    /// @notice Runs a model on packed inputs that stand in storage, 32 bytes a word, the last one filled up with zeros.
    /// @param outputBytes of all outputs
    function inferArray(address ops, address model, uint256[] storage packed, uint256 outputBytes) internal returns (bytes memory) {
        uint256 slot;
        assembly {
            slot := packed.slot
        }
        (bool done, bytes memory answer) = ops.delegatecall(abi.encode(model, slot, (outputBytes + 31) / 32, uint256(1)));
        return _outputs(done, answer, outputBytes);
    }

    /// @notice Runs a model on a stored input.
    /// @param outputBytes of all outputs
    function infer(address ops, address model, address input, uint256 outputBytes) internal view returns (bytes memory) {
        (bool done, bytes memory answer) = ops.staticcall(abi.encode(model, uint256(uint160(input)), (outputBytes + 31) / 32, uint256(0)));
        return _outputs(done, answer, outputBytes);
    }

    function _outputs(bool done, bytes memory answer, uint256 outputBytes) private pure returns (bytes memory) {
        if (!done) revert Infer.InferFailed(answer);
        if (answer.length < outputBytes) revert NotDeployed();
        assembly {
            mstore(answer, outputBytes)
        }
        return answer;
    }
}
