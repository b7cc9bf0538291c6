module cutover.test/control-plane/shop-server

go 1.26.0
