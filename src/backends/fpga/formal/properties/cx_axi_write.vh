    // Properties of cx_axi_write, for any clients and any memory that keeps AXI4. They stand in the module, before its end.

    reg f_past = 1'b0;
    always @(posedge clk) f_past <= 1'b1;
    always @* if (!f_past) assume (rst);

    // The host changes neither while a run is on.
    reg [51:0] f_base;
    reg [31:0] f_limit;
    always @(posedge clk) begin
        f_base <= base;
        f_limit <= limit;
    end
    always @* if (f_past) assume (base == f_base && limit == f_limit);
    always @* assume (wq_addr[3:0] == 4'd0 && wq_addr[35:32] == 4'd0);

    // The memory answers a burst when it has its address and all its beats.
    reg [2:0] f_addresses, f_bursts;
    wire f_address = m_axi_awvalid && m_axi_awready;
    wire f_last = m_axi_wvalid && m_axi_wready && m_axi_wlast;
    always @* if (m_axi_bvalid) assume (f_addresses != 3'd0 && f_bursts != 3'd0);
    always @(posedge clk) begin
        f_addresses <= rst ? 3'd0 : f_addresses + {2'd0, f_address} - {2'd0, m_axi_bvalid};
        f_bursts <= rst ? 3'd0 : f_bursts + {2'd0, f_last} - {2'd0, m_axi_bvalid};
    end

    // what was on the bus a cycle ago and not taken
    reg         f_address_waits, f_data_waits, f_wlast;
    reg [63:0]  f_awaddr;
    reg [7:0]   f_awlen;
    reg [127:0] f_wdata;
    reg [15:0]  f_wstrb;
    // beats of the last burst, and how many of them have left
    reg [6:0]   f_size, f_moved;
    reg [27:0]  f_from;
    always @(posedge clk) begin
        f_address_waits <= m_axi_awvalid && !m_axi_awready && !rst;
        f_data_waits <= m_axi_wvalid && !m_axi_wready && !rst;
        f_awaddr <= m_axi_awaddr;
        f_awlen <= m_axi_awlen;
        f_wdata <= m_axi_wdata;
        f_wstrb <= m_axi_wstrb;
        f_wlast <= m_axi_wlast;
        if (launch) begin
            f_size <= size[6:0];
            f_from <= beat;
        end
        if (launch) f_moved <= 7'd0;
        else if (moving) f_moved <= f_moved + 7'd1;
    end
    wire [32:0] f_end = {1'b0, f_from, 4'd0} + {21'd0, m_axi_awlen, 4'd0} + 33'd16;
    wire [32:0] f_stop = {1'b0, beat, 4'd0} + {20'd0, left, 4'd0};

    always @* if (f_past) begin
        assert (state != 2'd3);
        // the queue of bursts neither runs over nor under
        assert (count <= DEPTH[2:0]);
        assert (count[1:0] == next - first);
        assert (f_addresses <= DEPTH[2:0] && f_bursts <= DEPTH[2:0]);
        assert (count == f_addresses + {2'd0, m_axi_awvalid});
        assert (count == f_bursts + {2'd0, state == DATA} + {2'd0, m_axi_wvalid && m_axi_wlast});
        if (m_axi_wvalid && !m_axi_wlast) assert (state == DATA);
        if (f_address_waits) assert (m_axi_awvalid && m_axi_awaddr == f_awaddr && m_axi_awlen == f_awlen);
        if (f_data_waits)
            assert (m_axi_wvalid && m_axi_wdata == f_wdata && m_axi_wstrb == f_wstrb && m_axi_wlast == f_wlast);
        if (m_axi_awvalid) begin
            // a burst has 64 beats at most, and does not leave its page of 4 KiB or the image
            assert (m_axi_awlen < 8'd64);
            assert ({1'b0, m_axi_awaddr[11:4]} + {1'b0, m_axi_awlen} < 9'd256);
            assert (m_axi_awaddr == {base + {32'd0, f_from[27:8]}, f_from[7:0], 4'd0});
            assert (f_end <= {1'b0, limit});
            assert (m_axi_awlen + 8'd1 == {1'b0, f_size});
        end
        // a burst has the beats that its address says
        if (state == DATA) assert (burst != 7'd0 && burst <= 7'd64 && f_moved + burst == f_size);
        if (m_axi_wvalid && m_axi_wlast && state != DATA) assert (f_moved == f_size);
        if (state == ADDRESS) assert (left != 9'd0 && left <= 9'd256);
        if (state == DATA) assert (left <= 9'd255);
        if (state != REQUEST && left != 9'd0) assert (f_stop <= {1'b0, limit});
        // idle: nothing is on the bus
        if (idle) assert (f_addresses == 3'd0 && f_bursts == 3'd0);
    end
