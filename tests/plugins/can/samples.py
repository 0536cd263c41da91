"""A small DBC file for tests, with what such files have: both byte orders, a table, a multiplexer, a flag, an extended frame."""

from __future__ import annotations

VEHICLE = """VERSION "1"

NS_ :

BS_:

BU_: ECU GW

BO_ 291 Engine: 8 ECU
 SG_ EngineRPM : 0|16@1+ (0.25,0) [0|16383] "1/min" GW
 SG_ OilPressure : 23|16@0+ (0.01,0) [0|10] "bar" GW
 SG_ GearLever : 32|4@1+ (1,0) [0|15] "" GW
 SG_ Clutch : 36|1@1+ (1,0) [0|1] "" GW
 SG_ Fuel : 40|8@1+ (0.5,0) [0|100] "%" GW

BO_ 512 Doors: 2 ECU
 SG_ Page M : 0|4@1+ (1,0) [0|15] "" GW
 SG_ Front m0 : 8|8@1+ (1,0) [0|255] "" GW
 SG_ Rear m1 : 8|8@1+ (1,0) [0|255] "" GW

BO_ 2566844672 Wheels: 8 ECU
 SG_ WheelSpeed : 0|16@1+ (0.01,0) [0|300] "kph" GW

BO_ 768 Spare: 8 ECU
 SG_ Fuel : 0|8@1+ (1,0) [0|255] "" GW

VAL_ 291 GearLever 0 "Park" 1 "Reverse" 2 "Neutral" 3 "Drive" ;
VAL_ 291 Fuel 255 "not available" ;
"""
WHEELS_ID = 2566844672 & 0x1FFFFFFF


def engine(rpm: float, *, gear: int = 0, fuel: int = 100, pressure: float = 3.21) -> bytes:
    """Give a payload of `Engine`."""
    return round(rpm / 0.25).to_bytes(2, "little") + round(pressure / 0.01).to_bytes(2, "big") + bytes([gear, fuel, 0, 0])
