// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// A token with 6 decimals whose transfers answer nothing, as USDT's do. It can be told to refuse
/// all transfers, those of listed accounts, or to keep a fee of what is transferred.
contract ReturnlessToken {
    string public constant name = "Returnless Dollar";
    string public constant symbol = "USDT";
    uint8 public constant decimals = 6;

    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => bool) public isBlackListed;
    bool public paused;
    bool public silent;
    uint256 public basisPointsRate;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    /// Take away what an account has, as an issuer may.
    function burn(address from, uint256 value) external {
        totalSupply -= value;
        balanceOf[from] -= value;
        emit Transfer(from, address(0), value);
    }

    function setPaused(bool value) external {
        paused = value;
    }

    /// Transfers succeed and do nothing.
    function setSilent(bool value) external {
        silent = value;
    }

    function setBlackListed(address account, bool value) external {
        isBlackListed[account] = value;
    }

    function setFee(uint256 basisPoints) external {
        basisPointsRate = basisPoints;
    }

    function transfer(address to, uint256 value) external {
        require(!paused, "paused");
        require(!isBlackListed[msg.sender] && !isBlackListed[to], "listed");
        if (silent) return;
        balanceOf[msg.sender] -= value;
        uint256 fee = (value * basisPointsRate) / 10000;
        balanceOf[to] += value - fee;
        emit Transfer(msg.sender, to, value - fee);
        if (fee > 0) {
            balanceOf[address(this)] += fee;
            emit Transfer(msg.sender, address(this), fee);
        }
    }
}
