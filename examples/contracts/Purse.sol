// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "./RiskModel.sol";

/// @title A purse that refuses to pay addresses which a model finds risky, from what the contract itself has seen of them.
contract Purse {
    address public immutable model;
    /// @notice Scores above this are refused; they go from 0 to 127.
    uint256 public constant LIMIT = 80;

    struct Seen {
        uint64 firstBlock;
        uint64 lastReceipt;
        uint32 received;
        uint32 sent;
        uint32 sentAtOnce;
    }
    mapping(address => Seen) public seen;
    mapping(address => uint256) public balanceOf;

    event Paid(address indexed from, address indexed to, uint256 amount, uint256 risk);
    error TooRisky(address who, uint256 risk, uint256 limit);
    error NotEnough(uint256 has, uint256 wanted);

    constructor(address model_) {
        model = model_;
    }

    function deposit() external payable {
        _note(msg.sender, true);
        balanceOf[msg.sender] += msg.value;
    }

    /// @notice What the model says of an address now.
    function riskOf(address who) public view returns (uint256) {
        return RiskModel.scoreAt(RiskModel.run(model, features(who)), 0);
    }

    function pay(address to, uint256 amount) external {
        if (balanceOf[msg.sender] < amount) revert NotEnough(balanceOf[msg.sender], amount);
        _note(msg.sender, false);
        uint256 risk = riskOf(msg.sender);
        if (risk > LIMIT) revert TooRisky(msg.sender, risk, LIMIT);
        _note(to, true);
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        emit Paid(msg.sender, to, amount, risk);
    }

    /// @notice The six bytes that the model takes.
    function features(address who) public view returns (bytes memory) {
        Seen memory s = seen[who];
        uint256 age = s.firstBlock == 0 ? 0 : block.number - s.firstBlock;
        uint256 atOnce = s.sent == 0 ? 0 : (uint256(s.sentAtOnce) * 127) / s.sent;
        uint256 partners = s.received > s.sent ? s.received - s.sent : 0;
        return abi.encodePacked(_byte(s.received), _byte(s.sent), _byte(partners), _byte(atOnce / 2), _byte(age), _byte(atOnce));
    }

    function _note(address who, bool receives) private {
        Seen storage s = seen[who];
        if (s.firstBlock == 0) s.firstBlock = uint64(block.number);
        if (receives) {
            s.received++;
            s.lastReceipt = uint64(block.number);
        } else {
            s.sent++;
            if (block.number <= s.lastReceipt + 2) s.sentAtOnce++;
        }
    }

    function _byte(uint256 n) private pure returns (uint8) {
        return uint8(n < 127 ? n : 127);
    }
}
