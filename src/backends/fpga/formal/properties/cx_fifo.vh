  // Properties of cx_fifo, for any user that pushes nothing when it is full and pops nothing when it is empty.

  reg f_past = 1'b0;
  always @(posedge clk) f_past <= 1'b1;
  always @* if (!f_past) assume (rst);
  always @* if (f_past) assume (!(push && full) && !(pop && empty));

  wire [LOG:0] f_count = write - read;
  // any one entry is followed from its push to its pop
  (* anyseq *) wire f_pick;
  reg f_follows = 1'b0;
  reg [LOG:0] f_ahead;
  reg [W-1:0] f_value;
  wire [LOG:0] f_place = read + f_ahead;
  always @(posedge clk) begin
    if (push && f_pick && !f_follows) begin
      f_follows <= 1'b1;
      f_value <= in;
      f_ahead <= f_count - {{LOG{1'b0}}, pop};
    end
    if (pop && f_follows) begin
      f_ahead <= f_ahead - 1'b1;
      if (f_ahead == 0) f_follows <= 1'b0;
    end
    if (rst) f_follows <= 1'b0;
  end

  always @* if (f_past) begin
    assert (f_count <= (1 << LOG));
    assert (full == (f_count == (1 << LOG)));
    assert (empty == (f_count == 0));
    // an entry comes out as it went in, after those that were there before it
    if (f_follows) assert (f_ahead < f_count && mem[f_place[LOG-1:0]] == f_value);
    if (f_follows && f_ahead == 0) assert (head == f_value);
  end
