// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Inference as a call of a function.
/// @notice Outputs are packed: 8-bit elements take a byte, i16 two, i32 and float32 four, the most significant byte first.
library Infer {
    address internal constant CVM = 0x43564d0000000000000000000000000000000002;

    /// @param reason what the CVM says, as `Error(string)`; empty when gas ran out
    error InferFailed(bytes reason);
    /// @param offset of a byte that is none of the outputs
    error OutOfRange(uint256 offset, uint256 length);

    /// @notice Runs a model on a stored input.
    function run(address model, address input) internal view returns (bytes memory) {
        return _call(abi.encode(model, uint256(0), input));
    }

    /// @notice Runs a model on packed inputs.
    function run(address model, bytes memory packed) internal view returns (bytes memory) {
        return _call(abi.encodePacked(abi.encode(model, uint256(1)), packed));
    }

    /// @notice An int8 of packed outputs. @param offset of its byte
    function int8At(bytes memory packed, uint256 offset) internal pure returns (int8) {
        return int8(uint8(packed[offset]));
    }

    /// @notice A uint8 of packed outputs. @param offset of its byte
    function uint8At(bytes memory packed, uint256 offset) internal pure returns (uint8) {
        return uint8(packed[offset]);
    }

    /// @notice An int16 of packed outputs. @param offset of its first byte
    function int16At(bytes memory packed, uint256 offset) internal pure returns (int16) {
        return int16(uint16(_bits(packed, offset, 2)));
    }

    /// @notice An int32 of packed outputs. @param offset of its first byte
    function int32At(bytes memory packed, uint256 offset) internal pure returns (int32) {
        return int32(uint32(_bits(packed, offset, 4)));
    }

    /// @notice The bits of a float32 of packed outputs. @param offset of its first byte
    function float32At(bytes memory packed, uint256 offset) internal pure returns (bytes4) {
        return bytes4(uint32(_bits(packed, offset, 4)));
    }

    /// @notice The index of the greatest of int8 outputs; the first of equals.
    function argmax8(bytes memory packed) internal pure returns (uint256) {
        return argmax8(packed, 0, packed.length);
    }

    /// @notice The index of the greatest of `count` int8 outputs that begin at a byte; the first of equals.
    function argmax8(bytes memory packed, uint256 offset, uint256 count) internal pure returns (uint256 best) {
        for (uint256 i = 1; i < count; i++) if (int8At(packed, offset + i) > int8At(packed, offset + best)) best = i;
    }

    /// @notice The same of uint8 outputs.
    function argmaxU8(bytes memory packed, uint256 offset, uint256 count) internal pure returns (uint256 best) {
        for (uint256 i = 1; i < count; i++) if (uint8At(packed, offset + i) > uint8At(packed, offset + best)) best = i;
    }

    /// @notice The same of int16 outputs.
    function argmax16(bytes memory packed, uint256 offset, uint256 count) internal pure returns (uint256 best) {
        for (uint256 i = 1; i < count; i++) if (int16At(packed, offset + 2 * i) > int16At(packed, offset + 2 * best)) best = i;
    }

    /// @notice The same of int32 outputs.
    function argmax32(bytes memory packed, uint256 offset, uint256 count) internal pure returns (uint256 best) {
        for (uint256 i = 1; i < count; i++) if (int32At(packed, offset + 4 * i) > int32At(packed, offset + 4 * best)) best = i;
    }

    /// @dev An element of `size` bytes, as an unsigned number.
    function _bits(bytes memory packed, uint256 offset, uint256 size) private pure returns (uint256 word) {
        if (offset + size > packed.length) revert OutOfRange(offset, packed.length);
        assembly {
            word := shr(sub(256, shl(3, size)), mload(add(add(packed, 32), offset)))
        }
    }

    function _call(bytes memory data) private view returns (bytes memory) {
        (bool done, bytes memory answer) = CVM.staticcall(data);
        if (!done) revert InferFailed(answer);
        return answer;
    }
}
