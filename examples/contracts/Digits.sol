// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "./DigitsModel.sol";

/// @title Recognizes handwritten digits and remembers what it saw.
contract Digits {
    address public immutable model;
    /// @notice Images by digit.
    uint256[10] public seen;

    event Classified(address indexed sender, bytes32 indexed image, uint256 digit, int16 score);

    constructor(address model_) {
        model = model_;
    }

    /// @param image 8 x 8 elements of int8
    function classify(bytes calldata image) external returns (uint256 digit) {
        bytes memory outputs = DigitsModel.run(model, image);
        digit = DigitsModel.classOf(outputs);
        seen[digit]++;
        emit Classified(msg.sender, keccak256(image), digit, DigitsModel.logitsAt(outputs, digit));
    }

    /// @notice The same for those who only look: no transaction, no gas.
    function look(bytes calldata image) external view returns (string memory) {
        return DigitsModel.labelOf(DigitsModel.classOf(DigitsModel.run(model, image)));
    }
}
