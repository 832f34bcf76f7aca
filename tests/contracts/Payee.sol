// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// A payee that is a contract: it takes coins, burning as much gas as it is told, or refuses them.
contract Payee {
    bool public refusing;
    uint256 public writes;
    mapping(uint256 => uint256) private slots;
    uint256 private next;

    function set(bool refusing_, uint256 writes_) external {
        refusing = refusing_;
        writes = writes_;
    }

    receive() external payable {
        require(!refusing, "refused");
        for (uint256 i = 0; i < writes; i++) {
            slots[next++] = 1;
        }
    }
}
