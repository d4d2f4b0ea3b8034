    // Properties of cx_axi_read, for any clients and any memory that keeps AXI4. They stand in the module, before its end.

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

    genvar f_i;
    generate
        for (f_i = 0; f_i < CLIENTS; f_i = f_i + 1) begin : f_client
            always @* assume (rq_addr[32*f_i +: 4] == 4'd0);
        end
    endgenerate

    // The memory answers the bursts that it has taken, in order, with the beats that were asked for.
    reg  [7:0]  f_len [0:DEPTH-1];
    reg  [7:0]  f_beats;
    wire [3:0]  f_taken = count - {3'd0, m_axi_arvalid};
    always @* begin
        if (m_axi_rvalid) assume (f_taken != 4'd0);
        assume (m_axi_rlast == (f_beats == f_len[first]));
    end
    always @(posedge clk) begin
        if (launch) f_len[next] <= size_less_1;
        if (m_axi_rvalid) f_beats <= m_axi_rlast ? 8'd0 : f_beats + 8'd1;
        if (rst) f_beats <= 8'd0;
    end

    reg        f_waiting;
    reg [63:0] f_araddr;
    reg [7:0]  f_arlen;
    reg [27:0] f_from;
    always @(posedge clk) begin
        f_waiting <= m_axi_arvalid && !m_axi_arready && !rst;
        f_araddr <= m_axi_araddr;
        f_arlen <= m_axi_arlen;
        if (launch) f_from <= from;
    end
    wire [32:0] f_end = {1'b0, f_from, 4'd0} + {21'd0, m_axi_arlen, 4'd0} + 33'd16;

    always @* if (f_past) begin
        // the queue of bursts neither runs over nor under
        assert (count <= DEPTH[3:0]);
        assert (count[2:0] == next - first);
        if (m_axi_arvalid) assert (count != 4'd0);
        if (pop) assert (count != 4'd0);
        if (f_waiting) begin
            // what is on the bus stays until it is taken
            assert (m_axi_arvalid);
            assert (m_axi_araddr == f_araddr);
            assert (m_axi_arlen == f_arlen);
        end
        if (m_axi_arvalid) begin
            // a burst has 64 beats at most, and does not leave its page of 4 KiB, the image or the addresses of the client
            assert (m_axi_arlen < 8'd64);
            assert ({1'b0, m_axi_araddr[11:4]} + {1'b0, m_axi_arlen} < 9'd256);
            assert (m_axi_araddr[3:0] == 4'd0);
            assert (m_axi_araddr == {base + {32'd0, f_from[27:8]}, f_from[7:0], 4'd0});
            assert (f_end <= {1'b0, limit});
        end
        // idle: nothing is on the bus
        if (idle) assert (!m_axi_arvalid && f_taken == 4'd0);
    end

    // Requests that are not yet on the bus are within the image.
    generate
        for (f_i = 0; f_i < CLIENTS; f_i = f_i + 1) begin : f_request
            wire [32:0] f_stop = {1'b0, beat[f_i], 4'd0} + {20'd0, left[f_i], 4'd0};
            always @* if (f_past) begin
                if (open[f_i]) begin
                    assert (left[f_i] != 9'd0 && left[f_i] <= 9'd256);
                    assert (f_stop <= {1'b0, limit});
                end
            end
        end
    endgenerate
