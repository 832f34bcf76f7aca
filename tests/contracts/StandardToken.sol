// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// A token with 18 decimals that follows ERC-20, as far as transfers go.
contract StandardToken {
    string public constant name = "Standard Dollar";
    string public constant symbol = "USDC";
    uint8 public constant decimals = 18;

    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    bool public refusing;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    /// Transfers answer false instead of being undone.
    function setRefusing(bool value) external {
        refusing = value;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (refusing) return false;
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
        emit Transfer(msg.sender, to, value);
        return true;
    }
}
