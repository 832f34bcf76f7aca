// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// A price feed with Chainlink's AggregatorV3 interface that answers what it is told.
contract PriceFeed {
    uint8 public decimals;
    int256 private answer;
    uint256 private updatedAt;
    uint80 private round;
    uint80 private answeredIn;

    constructor(uint8 decimals_, int256 answer_) {
        decimals = decimals_;
        set(answer_, block.timestamp, 7, 7);
    }

    function set(int256 answer_, uint256 updatedAt_, uint80 round_, uint80 answeredIn_) public {
        answer = answer_;
        updatedAt = updatedAt_;
        round = round_;
        answeredIn = answeredIn_;
    }

    function latestRoundData()
        external
        view
        returns (uint80, int256, uint256, uint256, uint80)
    {
        return (round, answer, updatedAt, updatedAt, answeredIn);
    }
}
