// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Inference as a call of a function.
/// @notice Outputs are packed: 8-bit elements take a byte, i16 two, i32 and float32 four, the most significant byte first.
library Infer {
    address internal constant CVM = 0x43564d0000000000000000000000000000000002;

    /// @param reason what the CVM says, as `Error(string)`; empty when gas ran out
    error InferFailed(bytes reason);

    /// @notice Runs a model on a stored input.
    function run(address model, address input) internal view returns (bytes memory) {
        return _call(abi.encode(model, uint256(0), input));
    }

    /// @notice Runs a model on packed inputs.
    function run(address model, bytes memory packed) internal view returns (bytes memory) {
        return _call(abi.encodePacked(abi.encode(model, uint256(1)), packed));
    }

    /// @notice The index of the greatest of int8 outputs; the first of equals.
    function argmax8(bytes memory packed) internal pure returns (uint256 best) {
        int8 most = type(int8).min;
        for (uint256 i = 0; i < packed.length; i++) {
            int8 v = int8(uint8(packed[i]));
            if (i == 0 || v > most) (best, most) = (i, v);
        }
    }

    function _call(bytes memory data) private view returns (bytes memory) {
        (bool done, bytes memory answer) = CVM.staticcall(data);
        if (!done) revert InferFailed(answer);
        return answer;
    }
}
